import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startProcess } from '../src/run-command.ts';

const { env } = process;

function run(source: string, options: Partial<Parameters<typeof startProcess>[2]> = {}) {
  return startProcess(process.execPath, ['-e', source], { env, ...options });
}

test('a result has the status, stdout and stderr of a process', async () => {
  const { ended } = run("console.log('out'); console.error('err'); process.exitCode = 7;");
  assert.equal(await ended, { status: 7, signal: null, stdout: 'out\n', stderr: 'err\n' });
});

test('stdin has the given text, or nothing', async () => {
  const echo = 'process.stdin.pipe(process.stdout)';
  assert.is((await run(echo, { stdin: 'in' }).ended).stdout, 'in');
  assert.is((await run(echo).ended).stdout, '');
});

test('a process may end without reading its stdin', async () => {
  // More than the pipe takes.
  assert.is((await run('', { stdin: 'x'.repeat(1_000_000) }).ended).status, 0);
});

test('says() waits for a text on stderr, and rejects if the process ends without it', async () => {
  const running = run("setTimeout(() => console.error('number 42'), 50)");
  const [, number] = await running.says(/number (\d+)/);
  assert.is(number, '42');
  const error = await running.says(/number 43/).then(() => undefined, String);
  assert.match(error ?? '', 'ended without saying /number 43/: number 42');
});

test('a process that does not end is killed', async () => {
  assert.is((await run('setInterval(() => {}, 1000)', { timeout: 200 }).ended).signal, 'SIGKILL');
});

test('a program that does not exist rejects', async () => {
  const { ended } = startProcess(join(import.meta.dirname, 'nothing'), [], { env, timeout: 100 });
  const error = await ended.then(() => undefined, String);
  assert.match(error ?? '', 'ENOENT');
});

test('CLI_NODE is the Node that runs the command', async () => {
  const file = JSON.stringify(join(import.meta.dirname, '../src/run-command.ts'));
  const source = `import(${file}).then(({ commandNode }) => console.log(commandNode))`;
  assert.is((await run(source, { env: { ...env, CLI_NODE: '/another/node' } }).ended).stdout, '/another/node\n');
  assert.is((await run(source, { env: { ...env, CLI_NODE: undefined } }).ended).stdout, `${process.execPath}\n`);
});

test.run();
