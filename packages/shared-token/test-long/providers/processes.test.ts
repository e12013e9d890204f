// Takes about 3 s.
import { join } from 'node:path';
import { startProgram } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ProcessSettings } from './get-token-process.ts';
import { startMicrosoft, startStrictProvider, type TestProvider } from './test-provider.ts';

const script = new URL('./get-token-process.ts', import.meta.url);
const processes = 3;
const calls = 4;

interface Outcome {
  token?: string;
  code?: string;
  error?: string;
}

interface Run {
  readonly outcomes: Outcome[];
  /** What a process gets afterwards that opens the store anew, with a token that has expired again. */
  readonly next: Outcome | undefined;
}

/** Processes ask for a token at the same moment, after it has expired, and then one of them once more. */
async function runProcesses(provider: TestProvider, library: ProcessSettings['library'], alone = false): Promise<Run> {
  const directory = temporaryDirectory();
  const file = join(directory, 'tokens.db');
  using store = openTokenStore(file);
  const { access_token: accessToken, refresh_token: refreshToken = '' } = await provider.signIn();
  store.set('my-app', { refreshToken, accessToken, expiresAt: Date.now() - 1 });
  const settings: ProcessSettings = { library, provider: provider.settings, file, calls, alone };
  const outcomes = await askAtOnce(processes, settings);
  const record = store.get('my-app');
  assert.ok(record, 'the record is kept');
  store.set('my-app', { ...record, expiresAt: Date.now() - 1 });
  const [next] = await askAtOnce(1, { ...settings, calls: 1 });
  return { outcomes, next };
}

/** The processes of all tests. A start costs more than all that they do. */
const running = Array.from({ length: processes }, () => startProgram(script, []));
test.after(() => {
  for (const process of running) process.kill();
});

/** The first `count` processes open the store, and then ask at the same moment. */
async function askAtOnce(count: number, settings: ProcessSettings): Promise<Outcome[]> {
  const asked = running.slice(0, count);
  for (const process of asked) process.tell(JSON.stringify(settings));
  for (const process of asked) assert.is(await process.line(), 'ready');
  for (const process of asked) process.tell('go');
  const outcomes: Outcome[] = [];
  for (const process of asked) {
    for (let line = await process.line(); line && line !== 'done'; line = await process.line()) {
      outcomes.push(JSON.parse(line));
    }
  }
  return outcomes;
}

const providers = {
  'a provider that accepts a spent refresh token for a while': startMicrosoft,
  'a provider that ends the sign-in when a refresh token is used twice': startStrictProvider,
};

for (const library of ['openid-client', 'oauth4webapi', 'fetch'] as const) {
  for (const [name, start] of Object.entries(providers)) {
    test(`${processes} processes with ${library} make one refresh at ${name}`, async () => {
      await using provider = await start();
      const { outcomes, next } = await runProcesses(provider, library);
      assert.is(outcomes.length, processes * calls);
      assert.is(new Set(outcomes.map(({ token }) => token)).size, 1);
      assert.ok(next?.token && next.token !== outcomes[0]?.token, 'the sign-in goes on');
      assert.is(provider.refreshes(), 2);
      assert.not(await provider.isRevoked());
    });
  }
}

test('the same processes without shared-token lose the sign-in at a strict provider', async () => {
  await using provider = await startStrictProvider();
  const { outcomes, next } = await runProcesses(provider, 'fetch', true);
  assert.ok(outcomes.some(({ error }) => error === 'invalid_grant'));
  assert.is(next?.error, 'invalid_grant');
  assert.ok(await provider.isRevoked());
});

test.run();
