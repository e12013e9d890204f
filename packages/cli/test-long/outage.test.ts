// Takes about 8 s.
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

test('a provider that cannot be reached ends the command with 6, worth trying again later', async () => {
  const away = await openSignedInScene();
  await away.authority.close();
  away.home.expireTokens();
  const { status, stderr } = await away.home.run([]);
  away.home[Symbol.dispose]();
  assert.is(status, 6);
  assert.match(stderr, /^onedrive-token: \S/);
});

test('32 commands at expiry make one refresh', async () => {
  home.expireTokens();
  const before = authority.count('token', 'refresh_token');
  const ended = await Promise.all(Array.from({ length: 32 }, () => home.run([])));
  assert.equal(new Set(ended.map(({ status }) => status)), new Set([0]));
  assert.is(new Set(ended.map(({ stdout }) => stdout)).size, 1);
  assert.is(authority.count('token', 'refresh_token'), before + 1);
});

test.run();
