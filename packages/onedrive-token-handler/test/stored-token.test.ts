import { join } from 'node:path';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readStoredToken, type StoredTokenOptions } from '../src/stored-token.ts';
import { openScene } from './scene.ts';

const minute = 60_000;

test('readStoredToken() returns the token that getToken() would return without a request', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  const options = {
    appName: 'my-app',
    clientId: scene.authority.clientId,
    scopes: ['Files.ReadWrite.All'],
    authority: scene.authority.url,
    dbFilepath: scene.dbFilepath,
  };
  const handler = scene.handler();
  const { renewBy } = await handler.status();
  assert.equal(readStoredToken(options), { ...(await handler.getTokenDetails()), renewBy });

  const others: Record<string, Partial<StoredTokenOptions>> = {
    'of another name': { appName: 'other' },
    'of another client': { clientId: 'other' },
    'of another authority': { authority: 'https://login.example.org/consumers' },
    'without the scopes': { scopes: ['Mail.Read'] },
    'in another file': { dbFilepath: join(scene.folder, 'other.db') },
  };
  for (const [what, change] of Object.entries(others)) {
    assert.is(readStoredToken({ ...options, ...change }), undefined, `a token ${what} was given`);
  }
  assert.ok(readStoredToken({ ...options, scopes: ['https://graph.microsoft.com/files.readwrite.all', 'openid'] }));
  assert.ok(readStoredToken({ ...options, minValid: 50 * minute }));
  assert.ok(readStoredToken({ ...options, authority: `${scene.authority.url}/` }));

  const { clientId: _, authority, ...unowned } = options;
  assert.ok(readStoredToken(unowned), "the record's own client id and authority count");
  assert.ok(readStoredToken({ ...unowned, authority }));
  assert.is(readStoredToken({ ...unowned, authority: 'https://login.example.org/consumers' }), undefined);

  using store = openTokenStore(scene.dbFilepath);
  const record = store.get('my-app');
  assert.ok(record);
  store.set('my-app', { ...record, obtainedAt: Date.now() - 56 * minute, expiresAt: Date.now() + 4 * minute });
  assert.is(readStoredToken(options), undefined, 'one in its last five minutes was given');
  assert.ok(readStoredToken({ ...options, expirySkew: 3 * minute }));
  assert.is(readStoredToken({ ...options, expirySkew: 3 * minute, minValid: 5 * minute }), undefined, 'too short');
  store.set('my-app', { ...record, accessToken: '', expiresAt: undefined });
  assert.is(readStoredToken(options), undefined, 'an empty one was given');
  store.set('my-app', { ...record, obtainedAt: Date.now() + minute });
  assert.is(readStoredToken(options), undefined, 'one from the future was given');
  await handler.signOut();
  assert.is(readStoredToken(options), undefined, 'one was given after the sign-out');
});

test('wrong options are refused with the messages of the handler', () => {
  const options = { appName: 'app', clientId: 'client', scopes: ['Files.Read'] };
  assert.throws(() => readStoredToken({ ...options, appName: '' }), /appName must be a string that is not empty/);
  assert.throws(() => readStoredToken({ ...options, authority: 'http://example.org' }), /authority must be https/);
  for (const minValid of [Number.NaN, -1, '5', null] as number[])
    assert.throws(() => readStoredToken({ ...options, minValid }), /minValid must be a number/);
});

test.run();
