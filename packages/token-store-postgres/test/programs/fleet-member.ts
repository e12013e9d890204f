/**
 * A process of a fleet. Prints `ready`. Each `get` on stdin is one getToken(): prints the access token, or the error's code. Each
 * `turns N` is N forced refreshes, one after the other: prints how many of them gave a token. The end of stdin ends it.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { flushCompileCache } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken, type TokenResponse } from 'shared-token';
import { openPostgresTokenStore, type PostgresTokenStoreOptions } from 'token-store-postgres';

interface Member {
  readonly store: PostgresTokenStoreOptions;
  readonly provider: string;
  /** The bytes of a key that it knows besides. */
  readonly newKey?: readonly number[];
  /** Whether it may sign in. */
  readonly interactive?: boolean;
  readonly refreshTimeout?: number;
  /** How long it waits before its request leaves, and after the answer has come. */
  readonly pausesMs?: readonly [before: number, after: number];
}

// `fetch`, or an import of this, would load Node's undici, which takes longer than all the rest of this program.
const { request } = process.getBuiltinModule('node:http');
const member: Member = JSON.parse(process.argv[2] ?? '');
const [pauseBeforeMs, pauseAfterMs] = member.pausesMs ?? [0, 0];

async function ask(body: Record<string, string>, signal: AbortSignal): Promise<TokenResponse> {
  await delay(pauseBeforeMs);
  const form = new URLSearchParams({ ...body, client_id: String(process.pid) });
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const sent = request(member.provider, { method: 'POST', headers, signal }).end(`${form}`);
  // After the answer has begun, what breaks shows in its text.
  sent.on('error', () => {});
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const response = JSON.parse(text);
  await delay(pauseAfterMs);
  if (answer.statusCode !== 200) throw Object.assign(new Error('refused'), response);
  return response;
}

const store = await openPostgresTokenStore({
  ...member.store,
  ...(member.newKey && { otherKeys: [Uint8Array.from(member.newKey)] }),
});
const token = new SharedToken({
  store,
  name: 'app',
  refreshTimeout: member.refreshTimeout ?? 20_000,
  onEvent: (event) => {
    // For the message of a test that fails.
    if ('error' in event) console.error(`${new Date().toISOString()} ${event.type}: ${event.error.message}`);
  },
  refresh: ({ refreshToken }, { signal }) => ask({ grant_type: 'refresh_token', refresh_token: refreshToken }, signal),
  ...(member.interactive && { signIn: ({ signal }) => ask({ grant_type: 'authorization_code', code: 'any' }, signal) }),
});

async function getToken(forceRefresh: boolean): Promise<string> {
  try {
    return (await token.getToken({ forceRefresh })).accessToken;
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

// Node does it at the exit, which a killed process does not reach.
flushCompileCache();
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  if (command === 'get') console.log(await getToken(false));
  if (command === 'turns') {
    let given = 0;
    for (let turn = 0; turn < Number(count); turn++) if ((await getToken(true)).startsWith('access-token')) given++;
    console.log(given);
  }
}
await token.close();
await store.close();
