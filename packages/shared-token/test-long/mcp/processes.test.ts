// Takes about 3 s.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ScriptedBrowser } from 'testing-authority';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, SharedAuthProvider } from '../../examples/mcp-client.ts';
import { NodeProcess } from '../../test/node-process.ts';
import { temporaryDirectory } from '../../test/temporary-directory.ts';
import type { GreetSettings } from './greet-process.ts';
import { startMcpServer } from './mcp-server.ts';

const script = new URL('./greet-process.ts', import.meta.url);
const processes = 3;

interface Outcome {
  text?: string;
  error?: string;
  window?: boolean;
}

/** The processes of all tests. A start costs more than all that they do. */
const running = Array.from({ length: processes }, () => new NodeProcess(script, [], 300_000));
test.before(async () => {
  for (const process of running) await process.until('ready');
});
test.after(async () => {
  for (const process of running) await process.kill();
});

/** Processes connect at the same moment. */
async function greetAtOnce(settings: GreetSettings): Promise<Outcome[]> {
  const asked = running.map((process) => ({ process, before: process.lines.length }));
  for (const { process } of asked) process.tell(JSON.stringify(settings));
  await Promise.all(asked.map(({ process, before }) => process.until('done', before)));
  return asked.flatMap(({ process, before }) =>
    process.lines.slice(before, -1).map((line): Outcome => JSON.parse(line)),
  );
}

async function signIn(serverUrl: string, file: string): Promise<void> {
  using store = openTokenStore(file);
  const openBrowser = (url: string): unknown => new ScriptedBrowser().open(url);
  const client = await connect(serverUrl, new SharedAuthProvider({ serverUrl, store, openBrowser }));
  await client.close();
}

test(`${processes} processes without a sign-in open one browser window, and all get through`, async () => {
  using directory = temporaryDirectory();
  await using server = await startMcpServer();
  const outcomes = await greetAtOnce({ serverUrl: server.url, file: join(directory.path, 'tokens.db') });
  assert.is(outcomes.filter(({ window }) => window).length, 1);
  assert.is(outcomes.filter(({ text }) => text === 'Hello').length, processes);
  assert.is(server.provider.clientsStore.known.size, 1);
});

test(`${processes} processes whose token the server rejects make one refresh, and all get through`, async () => {
  using directory = temporaryDirectory();
  await using server = await startMcpServer();
  const settings = { serverUrl: server.url, file: join(directory.path, 'tokens.db') };
  await signIn(settings.serverUrl, settings.file);
  using store = openTokenStore(settings.file);
  const record = store.get(server.url);
  assert.ok(record);
  store.set(server.url, { ...record, expiresAt: Date.now() - 1 });
  server.provider.expireAccessTokens();
  assert.equal(
    await greetAtOnce(settings),
    Array.from({ length: processes }, () => ({ text: 'Hello' })),
  );
  assert.is(server.provider.refreshes, 1);
  assert.ok(server.provider.isSignedIn);
});

test('a process that invalidates its credentials while another one stores new ones loses nothing', async () => {
  using directory = temporaryDirectory();
  await using server = await startMcpServer();
  const { url: serverUrl } = server;
  const file = join(directory.path, 'tokens.db');
  await signIn(serverUrl, file);
  using store = openTokenStore(file);
  const provider = new SharedAuthProvider({ serverUrl, store, openBrowser: () => assert.unreachable('a window') });
  const refreshes = 30;
  const [other] = running;
  assert.ok(other);
  const before = other.lines.length;
  other.tell(JSON.stringify({ serverUrl, file, refreshes } satisfies GreetSettings));
  let invalidated = 0;
  while (!other.lines.includes('done', before)) {
    assert.not(other.hasEnded);
    provider.invalidateCredentials(invalidated++ % 2 === 0 ? 'all' : 'tokens');
    assert.ok(await provider.tokens(), 'there is a token all the time');
    // The other process needs the processor as well.
    await delay(1);
  }
  const lines = other.lines.slice(before, -1);
  assert.is(lines.filter((line) => line.includes('accessToken')).length, refreshes);
  assert.is(lines.at(-1), '{"text":"Hello"}');
  // How often depends on the machine. Often enough that both did it at the same time.
  assert.ok(invalidated > 10, `${invalidated} times`);
  assert.ok(await provider.shared.getToken({ forceRefresh: true }));
});

test.run();
