import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';

/** Reads in a process whose Node claims to be of one version after the other. Returns what that process has loaded and printed. */
function readAs(versions: readonly string[], path: string): { output: string[]; errors: string; loaded: string[] } {
  const module = JSON.stringify(import.meta.resolve('../src/read-record.ts'));
  const code = `
    const { readRecord } = await import(${module});
    const read = (version) => {
      Object.defineProperty(process.versions, 'node', { value: version });
      return readRecord(${JSON.stringify(path)}, 'app')?.accessToken ?? null;
    };
    console.log(JSON.stringify([${JSON.stringify(versions)}.map(read), process.moduleLoadList,
      process.report.getReport().sharedObjects]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
  });
  const [output, builtins, libraries] = JSON.parse(stdout) as [string[], string[], string[]];
  return { output, errors: stderr, loaded: [...builtins, ...libraries] };
}

/** Such Nodes read the access token `access` with this library alone, and print nothing. */
export function assertRead(versions: readonly string[], library: 'node:sqlite' | 'better-sqlite3', path: string): void {
  const { output, errors, loaded } = readAs(versions, path);
  assert.equal(
    output,
    versions.map(() => 'access'),
  );
  assert.is(errors, '');
  const isOwn = library === 'node:sqlite';
  assert.is(loaded.includes('NativeModule sqlite'), isOwn);
  assert.is(
    loaded.some((name) => /better.sqlite3/.test(name)),
    !isOwn,
  );
}
