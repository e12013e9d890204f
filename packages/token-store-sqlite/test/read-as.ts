import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';

/** Reads in a process whose Node claims to be of `version`. Returns what that process has loaded and printed. */
function readAs(version: string, path: string): { output: string; errors: string; loaded: string[] } {
  const module = JSON.stringify(import.meta.resolve('../src/read-record.ts'));
  const code = `
    Object.defineProperty(process.versions, 'node', { value: ${JSON.stringify(version)} });
    const { readRecord } = await import(${module});
    console.log(JSON.stringify([readRecord(${JSON.stringify(path)}, 'app')?.accessToken ?? null, process.moduleLoadList,
      process.report.getReport().sharedObjects]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  const [output, builtins, libraries] = JSON.parse(stdout) as [string, string[], string[]];
  return { output, errors: stderr, loaded: [...builtins, ...libraries] };
}

/** Such a Node reads the access token `access` with this library alone, and prints nothing. */
export function assertRead(version: string, library: 'node:sqlite' | 'better-sqlite3', path: string): void {
  const { output, errors, loaded } = readAs(version, path);
  assert.is(output, 'access');
  assert.is(errors, '');
  const isOwn = library === 'node:sqlite';
  assert.is(loaded.includes('NativeModule sqlite'), isOwn);
  assert.is(
    loaded.some((name) => /better.sqlite3/.test(name)),
    !isOwn,
  );
}
