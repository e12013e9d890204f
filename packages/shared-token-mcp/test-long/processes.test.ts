// Takes about 20 s.
import { join } from 'node:path';
import { type Program, startProgram } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AuthorizationServer } from '../test/authorization-server.ts';
import { TestMcpServer } from '../test/mcp-server.ts';
import type { ClientSettings } from './client-process.ts';

const processes = 8;
const script = new URL('./client-process.ts', import.meta.url);
/** The processes of all tests. A start costs more than all that they do. */
const running = Array.from({ length: processes }, () => startProgram(script, []));
test.after(() => {
  for (const process of running) process.kill();
});

/** A server and a file, which all processes have opened: half of them with each version of the SDK. */
async function openProcesses(tool = 'greet') {
  const cleanup = new AsyncDisposableStack();
  const authorizationServer = cleanup.use(await AuthorizationServer.start());
  const server = cleanup.use(await TestMcpServer.start(authorizationServer));
  const file = join(temporaryDirectory(), 'tokens.db');
  const store = cleanup.use(openTokenStore(file));
  const open = (what: string): Promise<unknown> =>
    Promise.all(
      running.map((process, index) => {
        const version = index % 2 === 0 ? '1' : '2';
        const settings: ClientSettings = { version, serverUrl: server.url, file, tool: what };
        return tell(process, JSON.stringify(settings), 'ready');
      }),
    );
  await open(tool);
  /** All call the tool at the same moment. Resolves with what they printed, without the windows, and with the number of these. */
  const call = async () => {
    const printed = (await Promise.all(running.map((process) => tell(process, 'go', 'done')))).flat();
    const results = printed.filter((line) => line !== 'window');
    return { results, windows: printed.length - results.length };
  };
  return { authorizationServer, server, store, open, call, [Symbol.asyncDispose]: () => cleanup.disposeAsync() };
}

/** What the process prints until that line. */
async function tell(process: Program, line: string, until: string): Promise<string[]> {
  process.tell(line);
  const lines: string[] = [];
  for (let next = await process.line(); next !== until; next = await process.line()) lines.push(`${next}`);
  return lines;
}

const all = (result: string): string[] => Array(processes).fill(result);

test(`${processes} processes of both SDKs, all new: one window, one registration`, async () => {
  await using scene = await openProcesses();
  assert.equal(await scene.call(), { results: all('greet'), windows: 1 });
  assert.is(scene.authorizationServer.sentTo('/register').length, 1);
  assert.is(scene.authorizationServer.refreshes, 0);
});

test(`${processes} processes and one expired token: one refresh`, async () => {
  await using scene = await openProcesses();
  await scene.call();
  const { server, store, authorizationServer } = scene;
  const record = store.get(server.url);
  assert.ok(record);
  store.set(server.url, { ...record, expiresAt: Date.now() - 1 });
  await scene.open('greet');
  assert.equal(await scene.call(), { results: all('greet'), windows: 0 });
  assert.is(authorizationServer.refreshes, 1);
  assert.ok(authorizationServer.isSignedIn);
});

test(`${processes} processes and a 401 that only the server knows: one refresh`, async () => {
  await using scene = await openProcesses();
  await scene.call();
  for (let round = 1; round <= 3; round++) {
    scene.authorizationServer.expireAccessTokens();
    assert.equal(await scene.call(), { results: all('greet'), windows: 0 });
    assert.is(scene.authorizationServer.refreshes, round);
  }
  assert.ok(scene.authorizationServer.isSignedIn);
});

test(`${processes} processes that need more scopes: one window for all of them`, async () => {
  await using scene = await openProcesses('write');
  assert.equal(await scene.call(), { results: all('write'), windows: 2 });
  assert.equal(
    scene.authorizationServer.sentTo('/authorize').map(({ scope }) => scope),
    ['read', 'read write'],
  );
});

test(`${processes} processes and a sign-in that the server has ended: one window`, async () => {
  await using scene = await openProcesses();
  await scene.call();
  scene.authorizationServer.revoke();
  assert.equal(await scene.call(), { results: all('greet'), windows: 1 });
});

test(`${processes} processes and a server that moves to another issuer: one window there, and nothing of the old one`, async () => {
  await using scene = await openProcesses();
  await using other = await AuthorizationServer.start();
  await scene.call();
  const { data, refreshToken = '' } = scene.store.get(scene.server.url) ?? {};
  scene.server.authorizationServer = other;
  assert.equal(await scene.call(), { results: all('greet'), windows: 1 });
  assert.is(other.sentTo('/register').length, 1);
  const sent = JSON.stringify(other.requests);
  for (const secret of [refreshToken, JSON.parse(data?.client ?? '').client_id]) assert.not.match(sent, secret);
});

test.run();
