// Takes about 6 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { flaky, pass, runner, runSuite } from '../test/run-suite.ts';

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
