import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const runner = join(import.meta.dirname, '../suite.ts');
const uvu = import.meta.resolve('uvu');

/** Runs the suite of a package that has these test files. */
function runSuite(files: Record<string, string>, args: string[] = []): { status: number | null; stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), 'suite-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "name": "example", "type": "module" }');
    for (const [name, source] of Object.entries(files)) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `import { test } from ${JSON.stringify(uvu)};\n${source}`);
    }
    const options = { cwd: folder, encoding: 'utf8', timeout: 30_000 } as const;
    // These results must not count in the run that this test belongs to.
    return spawnSync(process.execPath, [runner, ...args], { ...options, env: { ...process.env, SUITE_RESULTS: '' } });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const pass = "test('passes', () => {});\ntest.run();";

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
for (const [name, source, says] of failing) {
  test(`${name} fails the suite`, () => {
    const { status, stdout } = runSuite({ 'test/a.test.ts': source });
    assert.is(status, 1);
    assert.match(stdout, says);
    assert.match(stdout, /example: \d+ passed, [1-9]\d* failed/);
  });
}

test('a process that a test starts uses no compile cache', () => {
  const { status, stdout } = runSuite({
    'test/a.test.ts': `import { execFileSync } from 'node:child_process';
      const source = "console.log(require('node:module').getCompileCacheDir())";
      test('a', () => {
        const found = execFileSync(process.execPath, ['-e', source], { encoding: 'utf8' });
        if (found !== 'undefined\\n') throw new Error(found);
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

test('a test that hangs fails the suite, and so does a timer that keeps a finished one alive', () => {
  const { status, stdout } = runSuite(
    {
      'test/a.test.ts': "test('a', () => new Promise(() => setInterval(() => {}, 1000)));\ntest.run();",
      'test/b.test.ts': `${pass}\nsetInterval(() => {}, 1000);`,
    },
    ['--deadline', '1500'],
  );
  assert.is(status, 1);
  assert.is(stdout.match(/still running after 1.5 s/g)?.length, 2);
});

test.run();
