// Takes about 3 s.
import { join } from 'node:path';
import { startProgram } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TokenRecord } from '../../src/index.ts';
import { startStandIn } from '../../test/providers/stand-ins.ts';

const script = new URL('./person-process.ts', import.meta.url);

/** 8 processes need a token with the scope `mail` at the same moment. What they print, and how often the person was asked. */
async function askAtOnce(stored: TokenRecord | undefined, answer: object) {
  const directory = temporaryDirectory();
  using store = openTokenStore(join(directory, 'tokens.db'));
  if (stored) store.set('my-app', stored);
  await using person = await startStandIn((_path, form) => ({ body: { ...answer, scope: form.scope } }));
  const processes = Array.from({ length: 8 }, () => startProgram(script, [directory, person.origin, 'mail']));
  for (const process of processes) assert.is(await process.line(), 'ready');
  for (const process of processes) process.tell('go');
  const ends = await Promise.all(processes.map((process) => process.ended));
  return { tokens: [...new Set(ends.map(({ output }) => output))], asked: person.requests.length };
}

test('8 processes that need more than was granted ask the person once, for both', async () => {
  const expiresAt = Date.now() + 3_600_000;
  const good = { refreshToken: 'refresh-1', accessToken: 'files-only', expiresAt, scope: 'files' };
  const answer = { access_token: 'both', refresh_token: 'refresh-2', expires_in: 3600 };
  assert.equal(await askAtOnce(good, answer), { tokens: ['both: files mail'], asked: 1 });
});

test('8 processes at a provider without refresh tokens ask the person once', async () => {
  const answer = { access_token: 'only', expires_in: 3600 };
  assert.equal(await askAtOnce(undefined, answer), { tokens: ['only: mail'], asked: 1 });
});

test('they do so again when the token has ended', async () => {
  const ended = { accessToken: 'ended', obtainedAt: Date.now() - 3_600_000, expiresAt: Date.now() - 1, scope: 'mail' };
  assert.equal(await askAtOnce(ended, { access_token: 'only' }), { tokens: ['only: mail'], asked: 1 });
});

test.run();
