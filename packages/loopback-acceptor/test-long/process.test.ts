// Takes about 5 s.
import { setTimeout as delay } from 'node:timers/promises';
import { least } from 'testing-authority/least';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connectAll } from '../test/raw-sockets.ts';
import { runProgram } from '../test/run-program.ts';
import { sendRequest } from '../test/send-request.ts';

test('a process stays alive while it waits, and ends by itself within 500 ms of the answer, whatever clients are connected', async () => {
  const time = await least(500, 20, async () => {
    const program = runProgram(`
      const acceptor = await openAcceptor({ state: 'right' });
      const accepted = acceptor.accept();
      console.log(acceptor.redirectUri);
      const { code } = await accepted;
      console.log(code);
    `);
    const redirectUri = `${await program.line()}`;
    const port = Number(new URL(redirectUri).port);
    await connectAll(port, 400, '');
    await connectAll(port, 100, 'GET / HTTP/1.1\r\nHost: loc');
    assert.is(await Promise.race([program.ended, delay(200, 'runs')]), 'runs');
    const started = performance.now();
    await sendRequest(`${redirectUri}/?code=a&state=right`);
    assert.is((await within('the end of the process', program.ended)).code, 0);
    assert.is(await program.line(), 'a');
    return performance.now() - started;
  });
  assert.ok(time < 500, `${time} ms`);
});

test('the page arrives whole if the process exits as soon as it has the outcome', async () => {
  // More than the system takes at once, and little enough for a busy machine to read it before the server hangs up.
  const size = 8_000_000;
  const missing = await least(0, 20, async () => {
    const program = runProgram(`
      const acceptor = await openAcceptor({ state: 'right', renderPage: () => 'x'.repeat(${size}) });
      const redeemed = acceptor.accept(async () => 1);
      console.log(acceptor.redirectUri);
      await redeemed;
      process.exit(0);
    `);
    const url = `${await program.line()}/?code=a&state=right`;
    const { text } = await sendRequest(url).catch(() => ({ text: '' }));
    assert.is((await within('the end of the process', program.ended)).code, 0);
    return Math.max(0, size - text.length);
  });
  assert.is(missing, 0);
});

test.run();
