// Takes about 15 s.
import net from 'node:net';
import { signInAs, startAuthority } from 'testing-authority';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RequestOptions, sendRequest } from '../test/send-request.ts';
import { startAcceptorProgram } from './acceptor-program.ts';
import { inParallel } from './in-parallel.ts';

const state = 'the-state';
const authority = await startAuthority();
test.after(() => authority.close());

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const strays: [status: number, target: string, request?: RequestOptions][] = [
  [404, '/favicon.ico'],
  [400, '/?code=attacker&state=guess'],
  [400, `/?code=${'x'.repeat(30_000)}&state=guess`],
  [204, '/?code=attacker&state=guess', { method: 'OPTIONS' }],
  [421, '/?code=attacker&state=guess', { headers: { host: 'attacker.example' } }],
  [400, '/', { method: 'POST', headers: { ...form, 'content-length': 27 }, body: 'code=attacker&state=guess12' }],
  [413, '/', { method: 'POST', headers: { ...form, 'content-length': 200_000 }, body: 'x'.repeat(200_000) }],
  [411, '/', { method: 'POST', headers: { ...form, 'transfer-encoding': 'chunked' }, body: 'x'.repeat(100_000) }],
  [403, `/?code=attacker&state=${state}`, { headers: { 'sec-fetch-dest': 'image' } }],
];

async function sendStray(redirectUri: string, index: number): Promise<void> {
  const [status, target, request] = strays[index % strays.length] ?? [0, ''];
  assert.is((await sendRequest(redirectUri + target, request)).status, status);
}

test('a sign-in completes amid 10,000 stray requests and 500 idle sockets, and what is held grows by at most 5 MB', async () => {
  const program = await startAcceptorProgram(state);
  // The first requests load and compile code, which is not what is measured.
  await inParallel(20, 1_000, (index) => sendStray(program.redirectUri, index));
  const before = await program.measure();

  await connectIdle(program.port, 500);
  await inParallel(20, 10_000, (index) => sendStray(program.redirectUri, index));
  const grown = ((await program.measure()) - before) / 1_000_000;
  console.log(`memory grew by ${grown.toFixed(1)} MB`);
  assert.ok(grown <= 5, `${grown} MB`);

  let signedIn = false;
  const attack = (async () => {
    for (let index = 0; !signedIn; index++) await sendStray(program.redirectUri, index).catch(() => {});
  })();
  const url = new URL(`${authority.url}/oauth2/v2.0/authorize`);
  url.search = new URLSearchParams({
    client_id: authority.clientId,
    redirect_uri: program.redirectUri,
    response_type: 'code',
    response_mode: 'form_post',
    scope: 'User.Read',
    state,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString();
  const page = await within('the sign-in', signInAs(url.href), 30_000);
  signedIn = true;
  await attack;
  assert.is(page.status, 200);
  assert.ok(authority.issuedSecrets.has(`${await program.code()}`), 'the code is the one that was issued');
  assert.is((await within('the end of the program', program.ended, 30_000)).code, 0);
});

test('connections that pipeline without end are closed before they fill the memory', async () => {
  const program = await startAcceptorProgram(state);
  await inParallel(20, 1_000, (index) => sendStray(program.redirectUri, index));
  const before = await program.measure();
  const { host } = new URL(program.redirectUri);
  const requests = `GET /favicon.ico HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(10_000);
  await inParallel(50, 100, () => flood(program.port, requests));
  const grown = ((await program.measure()) - before) / 1_000_000;
  console.log(`memory grew by ${grown.toFixed(1)} MB`);
  // Without the limit, each connection would take 20 MB.
  assert.ok(grown <= 100, `${grown} MB`);
  await sendRequest(`${program.redirectUri}/?code=the-code&state=${state}`);
  assert.is(await program.code(), 'the-code');
});

/** Writes until the acceptor closes the connection. */
function flood(port: number, bytes: string): Promise<void> {
  return within(
    'the end of a flood',
    new Promise<void>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {}).on('close', () => resolve());
      socket.resume().write(bytes.repeat(5));
    }),
    60_000,
  );
}

/** Connects in portions that the listener's backlog can hold, and gives the listener time to accept the last of them. */
async function connectIdle(port: number, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  await inParallel(100, count, () => {
    return within(
      'a connection',
      new Promise<void>((resolve) => {
        const socket = net.connect(port, '127.0.0.1', resolve).on('error', () => {});
        socket.resume().unref();
        sockets.push(socket);
      }),
      30_000,
    );
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  return sockets;
}

test.run();
