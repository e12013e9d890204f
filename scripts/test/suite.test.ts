import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { flaky, pass, runSuite } from './run-suite.ts';

test('a suite that passes ends with 0 and says how many tests passed', () => {
  const { status, stdout } = runSuite({ 'test/a.test.ts': pass, 'test/deep/b.test.ts': pass });
  assert.is(status, 0);
  assert.match(stdout, 'example: 2 passed, 0 failed, 0 skipped');
});

// Written like this because the runner looks for the word in this file too.
const only = 'only';

const failing: [name: string, source: string, says: RegExp][] = [
  ['a test that fails', "test('a', () => { throw new Error('boom'); });\ntest.run();", /boom/],
  ['a test that throws undefined', "test('a', () => { throw undefined; });\ntest.run();", /1 failed/],
  [
    'a hook that throws',
    "test.before(() => { throw new Error('hook'); });\ntest('a', () => {});\ntest.run();",
    /1 failed/,
  ],
  ['a file that forgets test.run()', "test('a', () => {});", /ended without a result|ran no test/],
  ['a file that runs no test', 'test.run();', /ran no test/],
  ['a test that is .only', `test.${only}('a', () => {});\ntest('b', () => {});\ntest.run();`, /`.only`/],
  ['a process that ends early', "test('a', () => process.exit(0));\ntest.run();", /ended without a result/],
  ['a process that fails afterwards', `${pass}\nprocess.on('exit', () => { process.exitCode = 3; });`, /exit 3/],
];
const failed = runSuite(Object.fromEntries(failing.map(([, source], n) => [`test/${n}.test.ts`, source])));
for (const [n, [name, , says]] of failing.entries()) {
  test(`${name} fails the suite`, () => {
    const [shown = ''] = new RegExp(`^✘ test/${n}\\..*?(?=^[✔✘]|^example:)`, 'ms').exec(failed.stdout) ?? [];
    assert.match(shown, /: \d+ passed, 1 failed/);
    assert.match(shown, says);
  });
}

test('a suite with a file that fails ends with 1', () => {
  assert.is(failed.status, 1);
  assert.match(failed.stdout, `example: 2 passed, ${failing.length} failed, 1 skipped`);
});

/** Says by which process it was run, and how many files that process had run before. */
const counts = `test('counts', () => {
  globalThis.count = (globalThis.count ?? 0) + 1;
  console.log('measured: file ' + globalThis.count + ' of process ' + process.pid);
});
test.run();`;

test('small files run in one process, and one that has to run alone in a process of its own', () => {
  const { status, stdout } = runSuite({
    'test/a.test.ts': counts,
    'test/b.test.ts': "test('fails', () => { throw new Error('boom'); });\ntest.run();",
    'test/c.test.ts': counts,
    'test/d.test.ts': `// Runs alone: it counts.\n${counts}`,
    'test/e.test.ts': `// Takes about 2 s.\n${counts}`,
  });
  assert.is(status, 1);
  assert.match(stdout, 'example: 4 passed, 1 failed, 0 skipped');
  const shown = (name: string): [file: string, pid: string] => {
    const [, file = '', pid = ''] =
      new RegExp(`${name}\\.test\\.ts: 1 passed.*\\n +measured: file (\\d) of process (\\d+)`).exec(stdout) ?? [];
    return [file, pid];
  };
  const [[first, shared], second] = [shown('a'), shown('c')];
  assert.is(first, '1');
  assert.equal(second, ['2', shared]);
  for (const alone of ['d', 'e']) {
    assert.is(shown(alone)[0], '1');
    assert.is.not(shown(alone)[1], shared);
  }
});

test('if a process that files share ends early, each of them runs alone', () => {
  const { status, stdout } = runSuite({
    'test/a.test.ts': counts,
    'test/b.test.ts': "test('ends the process', () => process.exit(0));\ntest.run();",
    'test/c.test.ts': counts,
  });
  assert.is(status, 1);
  assert.match(stdout, 'each of them alone: test/a.test.ts test/b.test.ts test/c.test.ts');
  assert.is(stdout.match(/file 1 of process/g)?.length, 2);
  assert.match(stdout, /b\.test\.ts: 0 passed, 1 failed.*ended without a result/s);
});

test('a process that a test starts uses no compile cache, unless the test gives it that of the tests', () => {
  const { status, stdout } = runSuite({
    'test/a.test.ts': `import { execFileSync } from 'node:child_process';
      const source = "process.stdout.write(String(require('node:module').getCompileCacheDir()))";
      const cacheWith = (env) => execFileSync(process.execPath, ['-e', source], { encoding: 'utf8', env });
      test('a', () => {
        const found = cacheWith(process.env);
        if (found !== 'undefined') throw new Error(found);
        const shared = cacheWith({ ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE });
        if (!shared.includes('compiled-tests')) throw new Error(shared);
      });
      test.run();`,
  });
  assert.is(status, 0, stdout);
});

test('a package without tests fails the suite', () => {
  const { status, stdout } = runSuite({});
  assert.is(status, 1);
  assert.match(stdout, 'no test file');
});

test('with --retry, a file that fails runs once more: if it passes then, it is listed as unstable', () => {
  const { status, stdout } = runSuite({ 'test/a.test.ts': flaky, 'test/b.test.ts': pass }, ['--retry']);
  assert.is(status, 0);
  assert.match(stdout, /✘ test\/a\.test\.ts.*the first time.*✔ test\/a\.test\.ts.*unstable: test\/a\.test\.ts/s);
  assert.match(stdout, 'example: 2 passed, 0 failed, 0 skipped');
});

test('a file that says why it is skipped, and nothing else, is skipped', () => {
  const says = "console.log('skipped: no such system');";
  const { status, stdout } = runSuite({ 'test/a.test.ts': `${says}\nprocess.exit(0);` });
  assert.match(stdout, 'skipped: no such system');
  assert.match(stdout, 'example: 0 passed, 0 failed, 1 skipped');
  assert.is(status, 0);
  assert.is(runSuite({ 'test/a.test.ts': `${says}\n${says}\nprocess.exit(0);` }).status, 1);
  assert.is(runSuite({ 'test/a.test.ts': `${says}\nprocess.exit(3);` }).status, 1);
});

test.run();
