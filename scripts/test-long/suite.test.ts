// Takes about 10 s.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const suite = join(import.meta.dirname, '../suite.ts');
// Without the cache, a start from TypeScript takes three times as long.
const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };
const pass = "test('passes', () => {});\ntest.run();";

/** Fails at first. */
const flaky = `import { existsSync, writeFileSync } from 'node:fs';
test('fails once', () => {
  if (existsSync('ran')) return;
  writeFileSync('ran', '');
  throw new Error('the first time');
});
test.run();`;

const folders: string[] = [];
test.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A package with these test files. */
function makePackage(sources: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'suite-'));
  folders.push(folder);
  writeFileSync(join(folder, 'package.json'), '{ "name": "example", "type": "module" }');
  mkdirSync(join(folder, 'test'));
  for (const [name, source] of Object.entries(sources)) {
    const text = `import { test } from ${JSON.stringify(import.meta.resolve('uvu'))};\n${source}`;
    writeFileSync(join(folder, `test/${name}.test.ts`), text);
  }
  return folder;
}

function runSuite(sources: Record<string, string>, args: string[] = []): { status: number | null; lines: string[] } {
  const options = { cwd: makePackage(sources), env, encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout } = spawnSync(process.execPath, [suite, ...args], options);
  return { status, lines: stdout.trimEnd().split('\n') };
}

// A constant, because the runner searches the source of this file for the word too.
const only = 'only';

const skipped = "console.log('skipped: no such system');";
const failing: Record<string, [what: string, source: string, says: RegExp]> = {
  a: ['a test that throws undefined', "test('a', () => { throw undefined; });\ntest.run();", /\(0 \/ 1\)/],
  b: ['a hook that throws', "test.before(() => { throw 0; });\ntest('a', () => {});\ntest.run();", /0 \/ 1/],
  c: ['a file that forgets test.run()', "test('a', () => {});", /ended without a result \(exit 0\)/],
  d: ['a file that runs no test', 'test.run();', /ran no test/],
  e: ['a test that is .only', `test.${only}('a', () => {});\ntest('b', () => {});\ntest.run();`, /`.only` keeps/],
  f: ['a process that ends early', "test('a', () => process.exit(0));\ntest.run();", /ended without a result/],
  g: ['a line beside that of a skipped file', "console.log('skipped: a');\nconsole.log('b');", /without a result/],
  h: ['a file that leaves the environment changed', `process.env.LEFT = '';\n${pass}`, /changed: process\.env/],
  i: ['a test that hangs', "test('a', () => new Promise(() => setInterval(() => {}, 1)));\ntest.run();", /no end in/],
  j: ['a timer that keeps a finished file alive', `${pass}\nsetInterval(() => {}, 1);`, /no end in 3 s/],
  z: ['a process that fails afterwards', `${pass}\nprocess.on('exit', () => { process.exitCode = 3; });`, /exit 3/],
};
const sources = Object.fromEntries(Object.entries(failing).map(([name, [, source]]) => [name, source]));
const all = runSuite({ ...sources, pass, skipped, flaky }, ['--deadline', '3000']);
for (const [name, [what, , says]] of Object.entries(failing)) {
  test(`${what} fails the suite, and all that its file printed is shown`, () => {
    const shown = new RegExp(`^✘ .*/${name}\\.test\\.ts: (.*?)(?=^[✔✘]|^took)`, 'ms').exec(all.lines.join('\n'))?.[1];
    assert.match(shown ?? '', /^\d+ passed, 1 failed/);
    assert.match(shown ?? '', says);
  });
}

test('the last line adds up what passed, failed and was skipped', () => {
  assert.is(all.status, 1);
  assert.is(all.lines.at(-1), `5 passed, ${Object.keys(failing).length + 1} failed, 2 skipped`);
  assert.ok(all.lines.includes('    skipped: no such system'));
});

const retried = runSuite({ flaky }, ['--retry', '--deadline', '20000']);

test('with --retry, a file that fails runs once more, and is unstable if it passes then', () => {
  assert.match(retried.lines.join('\n'), /the first time.*unstable: .*flaky\.test\.ts failed, then passed alone/s);
  assert.equal([retried.status, retried.lines.at(-1)], [0, '1 passed, 0 failed, 0 skipped']);
});

test('no test file at all fails', () => {
  const { status, lines } = runSuite({});
  assert.equal([status, lines.at(-1)], [1, '0 passed, 1 failed, 0 skipped']);
});

test('what a hanging file has started ends with the run, also with one that is interrupted', async () => {
  const starts = `import { spawn } from 'node:child_process';
    import { renameSync, writeFileSync } from 'node:fs';
    const { pid } = spawn('sleep', ['60']);
    writeFileSync('draft', String(pid));
    renameSync('draft', 'pid');
    setInterval(() => {}, 1);`;
  for (const interrupt of [false, true]) {
    const cwd = makePackage({ starts });
    const args = interrupt ? [] : ['--deadline', '1000'];
    const run = spawn(process.execPath, [suite, ...args], { cwd, env, stdio: 'ignore' });
    const ended = once(run, 'exit');
    await untilTrue(() => existsSync(join(cwd, 'pid')));
    if (interrupt) run.kill('SIGINT');
    assert.is((await ended)[0], interrupt ? 130 : 1);
    await untilTrue(() => !isRunning(Number(readFileSync(join(cwd, 'pid'), 'utf8'))));
  }
});

async function untilTrue(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 30_000; !isSo(); await sleep(20)) assert.ok(performance.now() < end, 'never');
}

function isRunning(pid: number): boolean {
  try {
    // A process whose parent has ended may stay a zombie for a moment.
    return (
      !/^State:\s+Z/m.test(existsSync('/proc') ? readFileSync(`/proc/${pid}/status`, 'utf8') : '') &&
      process.kill(pid, 0)
    );
  } catch {
    return false;
  }
}

test.run();
