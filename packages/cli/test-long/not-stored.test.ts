// Takes about 30 s.
import { DatabaseSync } from 'node:sqlite';
import { signInAs } from 'testing-authority';
import { until } from 'testing-authority/until';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

/** Locks the database, like another process whose write never ends. */
function occupy(): Disposable {
  const database = new DatabaseSync(home.db);
  database.exec('BEGIN IMMEDIATE');
  return {
    [Symbol.dispose]() {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

test('a login whose tokens could not be stored because the database stays locked ends with 8', async () => {
  const running = home.start(['login'], { env: { BROWSER: 'true' } });
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  using _occupied = occupy();
  await signInAs(address);
  const { status, stderr } = await running.ended;
  assert.is(status, 8);
  assert.match(stderr, /\nonedrive-token: .*\n$/);
  assert.not.match(stderr, 'Signed in as');
});

test('a token that was refreshed but could not be stored is printed, with a warning', async () => {
  await home.login();
  home.expireTokens();
  authority.fail('token', { type: 'slow', ms: 500 });
  const before = authority.count('token', 'refresh_token');
  const running = home.start([]);
  await until(() => authority.count('token', 'refresh_token') !== before);
  using _occupied = occupy();
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0);
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
  assert.match(stderr, /onedrive-token: the token works, but could not be stored: .*\n$/);
});

test.run();
