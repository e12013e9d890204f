import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connectAll } from './raw-sockets.ts';
import { runProgram } from './run-program.ts';
import { sendRequest } from './send-request.ts';

test('a process stays alive while it redeems, though the browser is gone', async () => {
  const program = runProgram(`
    const acceptor = await openAcceptor({ state: 'right' });
    let finish;
    const redeemed = acceptor.accept(() => new Promise((resolve) => {
      setTimeout(() => resolve('the token'), 400).unref();
    }));
    console.log(acceptor.redirectUri);
    console.log(await redeemed);
  `);
  const { host, port } = new URL(`${await program.line()}`);
  const socket = net.connect(Number(port), '127.0.0.1');
  socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: ${host}\r\n\r\n`, () =>
    setTimeout(() => socket.destroy(), 100),
  );
  assert.is(await program.line(), 'the token');
  assert.is((await within('the end of the process', program.ended)).code, 0);
});

test('without a free file descriptor, ACCEPTOR_LISTEN says so and blames neither port nor address', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows limits no file descriptors of a process');
  const program = runProgram(
    `
    import { openSync, writeSync } from 'node:fs';
    try {
      while (true) openSync('/dev/null');
    } catch {}
    await openAcceptor({ state: 'right' }).catch(({ code, message }) => writeSync(1, code + '|' + message + '\\n'));
    `,
    { within: ['sh', '-c', 'ulimit -n 64 && exec "$@"', 'sh'] },
  );
  assert.is(await program.line(), 'ACCEPTOR_LISTEN|Cannot listen on 127.0.0.1, any port: the system refused (EMFILE)');
});

for (const [name, options, then] of [
  ['a timeout', 'timeout: 1_000', ''],
  ['close()', '', 'await acceptor.close();'],
  ['an abort', 'signal: controller.signal', 'controller.abort();'],
] as const) {
  test(`${name} lets the process end at once, and a rejection that the program does not await is not unhandled`, async () => {
    const program = runProgram(`
      const controller = new AbortController();
      const acceptor = await openAcceptor({ state: 'right', ${options} });
      acceptor.accept();
      acceptor.accept(async () => 1);
      console.log(acceptor.redirectUri);
      ${then}
    `);
    const port = Number(new URL(`${await program.line()}`).port);
    if (name === 'a timeout') await connectAll(port, 10, '');
    assert.is((await within('the end of the process', program.ended)).code, 0);
  });
}

test('an error of the provider and a failed redemption that the program does not await are not unhandled', async () => {
  for (const query of ['error=access_denied', 'code=a']) {
    const program = runProgram(`
      const acceptor = await openAcceptor({ state: 'right' });
      acceptor.accept(() => Promise.reject(new Error('failed')));
      acceptor.accept(() => Promise.reject(new Error('failed as well')));
      console.log(acceptor.redirectUri);
    `);
    const { text } = await sendRequest(`${await program.line()}/?${query}&state=right`);
    assert.match(text, 'You are not signed in');
    assert.is((await within('the end of the process', program.ended)).code, 0);
  }
});

test('after close() and after the answer, no resource of the acceptor is left in the process', async () => {
  const program = runProgram(`
    // PipeWrap is the program's own stdin and stdout, active while output is on its way.
    const active = () => process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap');
    const before = active();
    const left = () => {
      const now = active();
      for (const name of before) if (now.includes(name)) now.splice(now.indexOf(name), 1);
      return JSON.stringify(now);
    };
    const closed = await openAcceptor({ state: 'right' });
    closed.accept();
    await closed.close();
    console.log(left());
    const answered = await openAcceptor({ state: 'right', signal: new AbortController().signal });
    const accepted = answered.accept(async () => 1);
    console.log(answered.redirectUri);
    await accepted;
    await answered.close();
    console.log(left());
  `);
  assert.is(await program.line(), '[]');
  await sendRequest(`${await program.line()}/?code=a&state=right`);
  assert.is(await program.line(), '[]');
});

test('on Windows, where an exit resets the sockets, accept() settles after the browser has closed its side', async () => {
  const windows = `data:text/javascript,Object.defineProperty(process, 'platform', { value: 'win32' })`;
  const program = runProgram(
    `
    const acceptor = await openAcceptor({ state: 'right' });
    console.log(acceptor.redirectUri);
    await acceptor.accept();
    console.log('settled');`,
    { nodeOptions: ['--import', windows] },
  );
  const { host, port } = new URL(`${await program.line()}`);
  let isSettled = false;
  const settled = program.line().then((line) => {
    isSettled = line === 'settled';
  });
  const socket = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true }).resume();
  const page = new Promise((resolve) => socket.on('error', resolve).on('end', resolve));
  const started = performance.now();
  socket.write(`GET /?code=a&state=right HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await within('the page', page);
  await delay(50);
  // On a busy machine the 350 ms that a browser has may be over.
  if (isSettled) assert.ok(performance.now() - started > 350, 'it settled though the browser had not closed its side');
  socket.end();
  await settled;
  assert.ok(isSettled);
});

test.run();
