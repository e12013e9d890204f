import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openSignedInScene } from '../test/fixtures/cli-home.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

for (const [what, fault] of [['answers 503', { type: 'status', status: 503 }]] as const) {
  test(`a provider that ${what} is worth retrying: 6`, async () => {
    home.expireTokens();
    authority.fail('token', fault, { times: 9 });
    const { status, stdout, stderr } = await home.run([]);
    authority.clearFaults();
    assert.is(status, 6);
    assert.is(stdout, '');
    assert.match(stderr, /^onedrive-token: \S/);
    assert.is((await home.run([])).status, 0);
  });
}

test('a provider that cannot be reached is worth retrying: 6', async () => {
  const away = await openSignedInScene();
  await away.authority.close();
  away.home.expireTokens();
  const { status, stderr } = await away.home.run([]);
  away.home[Symbol.dispose]();
  assert.is(status, 6);
  assert.match(stderr, /^onedrive-token: \S/);
});

test('thirty-two command lines at expiry make one refresh', async () => {
  home.expireTokens();
  const before = authority.count('token', 'refresh_token');
  const ended = await Promise.all(Array.from({ length: 32 }, () => home.run([])));
  assert.equal(new Set(ended.map(({ status }) => status)), new Set([0]));
  assert.is(new Set(ended.map(({ stdout }) => stdout)).size, 1);
  assert.is(authority.count('token', 'refresh_token'), before + 1);
});

test.run();
