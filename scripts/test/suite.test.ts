// Takes about 5 s.
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const runner = join(import.meta.dirname, '../suite.ts');
const uvu = import.meta.resolve('uvu');

/** The runner starts faster with the cache. It hands none on. */
const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };

/** Runs the suite of a package that has these test files. */
function runSuite(files: Record<string, string>, args: string[] = []): SpawnSyncReturns<string> {
  const folder = mkdtempSync(join(tmpdir(), 'suite-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "name": "example", "type": "module" }');
    for (const [name, source] of Object.entries(files)) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `import { test } from ${JSON.stringify(uvu)};\n${source}`);
    }
    return spawnSync(process.execPath, [runner, ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000, env });
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

/** The test of this file passes only if the other file runs at the same time: each makes a folder and waits for that of the other. */
const meets = (own: string, other: string): string => `// Runs alone: it waits for the other.
  import { existsSync, mkdirSync } from 'node:fs';
  test('meets the other file', async () => {
    mkdirSync('${own}');
    for (const until = Date.now() + 10_000; !existsSync('${other}'); await new Promise((wake) => setTimeout(wake, 20)))
      if (Date.now() > until) throw new Error('alone');
  });
  test.run();`;

test('several files run at a time', () => {
  const files = { 'test/a.test.ts': meets('a', 'b'), 'test/b.test.ts': meets('b', 'a') };
  const { status, stdout } = runSuite(files, ['--jobs', '2']);
  assert.is(status, 0, stdout);
  assert.match(stdout, 'example: 2 passed, 0 failed, 0 skipped');
});

/** The test of this file fails if another file runs at the same time. */
const alone = `
  import { mkdirSync, rmdirSync } from 'node:fs';
  test('is alone', async () => {
    mkdirSync('running');
    await new Promise((wake) => setTimeout(wake, 50));
    rmdirSync('running');
  });
  test.run();`;

test('never more files run at a time than --jobs says, and those that take long start first', () => {
  const files = {
    'test/a.test.ts': alone,
    'test/b.test.ts': `// Takes about 7 s.\n${alone}`,
    'test/c.test.ts': `// Takes about 12 s.\n${alone}`,
  };
  const { status, stdout } = runSuite(files, ['--jobs', '1']);
  assert.is(status, 0, stdout);
  assert.equal(
    [...stdout.matchAll(/test\/(.)\.test/g)].map(([, name]) => name),
    ['c', 'b', 'a'],
  );
});

test('the output of a file that fails is shown whole, and of one that passes only what was skipped or measured', () => {
  const prints = (then: string): string => `
    test('is quiet', () => {});
    test('prints', () => {
      console.log('measured: 7 apples');
      console.log('nothing special');
      ${then}
    });
    test.run();`;
  const passes = runSuite({ 'test/a.test.ts': prints('') }).stdout;
  assert.match(passes, 'measured: 7 apples');
  assert.not.match(passes, 'nothing special');
  const fails = runSuite({ 'test/a.test.ts': prints("throw new Error('boom');") }).stdout;
  assert.match(fails, 'nothing special');
});

const flaky = `import { existsSync, writeFileSync } from 'node:fs';
test('fails once', () => {
  if (existsSync('ran')) return;
  writeFileSync('ran', '');
  throw new Error('the first time');
});
test.run();`;

test('with --retry, a file that fails runs once more: if it passes then, it is listed as unstable', () => {
  const { status, stdout } = runSuite({ 'test/a.test.ts': flaky, 'test/b.test.ts': pass }, ['--retry']);
  assert.is(status, 0);
  assert.match(stdout, /✘ test\/a\.test\.ts.*the first time.*✔ test\/a\.test\.ts.*unstable: test\/a\.test\.ts/s);
  assert.match(stdout, 'example: 2 passed, 0 failed, 0 skipped');
});

test('a file that fails twice fails the suite, and without --retry, once is enough', () => {
  const twice = "test('a', () => { throw new Error('boom'); });\ntest.run();";
  const again = runSuite({ 'test/a.test.ts': twice }, ['--retry']);
  assert.is(again.status, 1);
  assert.match(again.stdout, 'example: 0 passed, 1 failed, 0 skipped');
  assert.is(again.stdout.match(/✘ test/g)?.length, 2);
  const once = runSuite({ 'test/a.test.ts': flaky });
  assert.is(once.status, 1);
  assert.not.match(once.stdout, 'unstable');
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

test('a number of jobs or a deadline that cannot be is wrong usage', () => {
  for (const argument of ['--jobs=0', '--jobs=many', '--deadline=-1']) {
    const { status, stderr } = runSuite({ 'test/a.test.ts': pass }, [argument]);
    assert.is(status, 2);
    assert.match(stderr, `${argument.split('=')[0]} needs a whole number above 0`);
  }
});

test('a runner that is interrupted takes what it has started with it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'suite-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "name": "example", "type": "module" }');
    mkdirSync(join(folder, 'test'));
    writeFileSync(
      join(folder, 'test/a.test.ts'),
      `import { writeFileSync } from 'node:fs';
       writeFileSync('pid.part', String(process.pid));
       (await import('node:fs')).renameSync('pid.part', 'pid');
       setInterval(() => {}, 1000);`,
    );
    const suite = spawn(process.execPath, [runner], { cwd: folder, stdio: 'ignore' });
    const ended = once(suite, 'exit');
    const pidFile = join(folder, 'pid');
    await until(() => existsSync(pidFile));
    suite.kill('SIGINT');
    assert.equal((await ended)[0], 130);
    await until(() => !isRunning(Number(readFileSync(pidFile, 'utf8'))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !isSo(); await new Promise((wake) => setTimeout(wake, 20)))
    assert.ok(Date.now() < end, 'it takes too long');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

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
