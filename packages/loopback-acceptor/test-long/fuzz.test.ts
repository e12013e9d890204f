// Takes about 8 s.
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { randomFrom } from 'testing-authority/random-from';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sendRequest } from '../test/send-request.ts';
import { startAcceptorProgram } from './acceptor-program.ts';
import { inParallel } from './in-parallel.ts';
import { createRequest, mark } from './random-requests.ts';

const state = 'the-state-that-no-generated-request-has';
/** Fixed, so that a run can be repeated. */
const seeds = [1, 22, 333, 4_444, 55_555];
const requestsPerSeed = 5_000;

test(`${seeds.length * requestsPerSeed} generated requests are refused one by one, what is held grows by at most 5 MB, and the sign-in completes`, async () => {
  const program = await startAcceptorProgram(state);
  const { host } = new URL(program.redirectUri);
  const statuses: Record<string, number> = {};
  const run = async (seed: number, count: number): Promise<void> => {
    const random = randomFrom(seed);
    const requests = Array.from({ length: count }, () => createRequest(random, host));
    await inParallel(20, count, async (index) => {
      const request = requests[index] ?? '';
      const response = await exchange(program.port, request);
      const status = judge(response);
      assert.ok(status, `seed ${seed}, request ${index}: ${JSON.stringify({ request, response })}`);
      statuses[status] = (statuses[status] ?? 0) + 1;
    });
  };
  await run(0, 3_000);
  const before = await program.measure();
  for (const seed of seeds) await run(seed, requestsPerSeed);
  const grown = ((await program.measure()) - before) / 1_000_000;
  console.log(`memory grew by ${grown.toFixed(1)} MB, responses: ${JSON.stringify(statuses)}`);
  assert.ok(grown <= 5, `${grown} MB`);
  for (const status of ['204', '400', '403', '404', '405', '408', '411', '413', '415', '421']) {
    // 408 takes 20 s (see test-long/slow-clients.test.ts), 413 takes more bytes (see test/stray-requests.test.ts).
    if (status !== '408' && status !== '413') assert.ok(statuses[status], `no ${status} among the responses`);
  }
  await sendRequest(`${program.redirectUri}/?code=the-code&state=${state}`);
  assert.is(await program.code(), 'the-code');
  assert.is((await within('the end of the program', program.ended, 30_000)).code, 0);
});

/** The status of a correct response, `none` if there is no response, undefined if it is not correct. */
function judge(response: string): string | undefined {
  if (response === '') return 'none';
  const final = response.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '');
  const [, status] = /^HTTP\/1\.1 (204|4\d\d) [A-Z]/.exec(final) ?? [];
  const isOne = final.split(/HTTP\/1\.1 /).length === 2;
  const isSafe = final.includes('\r\nCache-Control: no-store\r\n') && final.includes('\r\nConnection: close\r\n');
  return isOne && isSafe && !response.includes(mark) ? status : undefined;
}

/** Sends a request, ends its side of the connection, and resolves with the response. */
function exchange(port: number, request: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1', () => socket.end(request, 'latin1'));
  return within('the end of a connection', text(socket), 30_000);
}

test.run();
