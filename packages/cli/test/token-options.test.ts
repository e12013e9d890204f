import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Flags } from '../src/settings/options.ts';
import { rememberApp } from '../src/settings/private-json.ts';
import { readSettings } from '../src/settings/settings.ts';
import { readTokenOptions, type SignInChoice } from '../src/settings/token-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'token-options-'));
const db = join(folder, 'tokens.db');
rememberApp(db, 'known', { clientId: 'remembered', scopes: ['Files.Read'] });
test.after(() => rmSync(folder, { recursive: true }));

function options(flags: Flags, choice?: SignInChoice): ReturnType<typeof readTokenOptions> {
  return readTokenOptions(readSettings({ db, ...flags }, {}), choice);
}

test('without a client id there are no options', () => {
  assert.is(options({ app: 'new' }), undefined);
});

test('the client id and the scopes of the last sign-in are used', () => {
  assert.equal(options({ app: 'known' }), {
    appName: 'known',
    clientId: 'remembered',
    dbFilepath: db,
    scopes: ['Files.Read', 'openid', 'profile'],
    useGrantedScopes: true,
  });
});

test('the command line wins over what is remembered', () => {
  const { clientId, authority, scopes } =
    options(
      { app: 'known', clientId: 'given', authority: 'https://id.example' },
      {
        scopes: ['User.Read'],
      },
    ) ?? {};
  assert.equal([clientId, authority], ['given', 'https://id.example']);
  assert.equal(scopes, ['User.Read', 'openid', 'profile']);
});

test('an app name that was never signed in asks for Files.ReadWrite.All', () => {
  assert.equal(options({ app: 'new', clientId: 'given' })?.scopes, ['Files.ReadWrite.All', 'openid', 'profile']);
});

test('the authority, the redirect host and the account of the last sign-in are used, unless others are given', () => {
  const remembered = { authority: 'https://id.example', redirectHost: '127.0.0.1', loginHint: 'ada' } as const;
  rememberApp(db, 'chosen', { clientId: 'remembered', scopes: ['Files.Read'], ...remembered });
  const found = options({ app: 'chosen' });
  assert.equal([found?.authority, found?.redirectHost, found?.loginHint], ['https://id.example', '127.0.0.1', 'ada']);
  const given = options(
    { app: 'chosen', authority: 'https://other.example' },
    { redirectHost: 'localhost', loginHint: 'bob' },
  );
  assert.equal(
    [given?.authority, given?.redirectHost, given?.loginHint],
    ['https://other.example', 'localhost', 'bob'],
  );
  assert.not('loginHint' in (options({ app: 'chosen' }, { loginHint: '' }) ?? {}));
});

test('what a person has written into the file by hand is ignored if it cannot be used', () => {
  const odd = { clientId: 'remembered', scopes: [], authority: 5, redirectHost: 'example.com', loginHint: '' };
  rememberApp(db, 'odd', odd as never);
  assert.equal(options({ app: 'odd' }), {
    appName: 'odd',
    clientId: 'remembered',
    dbFilepath: db,
    scopes: ['openid', 'profile'],
    useGrantedScopes: true,
  });
});

test('with nothing remembered, the scopes and the authority of the stored record are used', () => {
  const record = { clientId: 'stored', authority: 'https://id.example', scope: 'Files.Read User.Read' };
  const found = readTokenOptions(readSettings({ db, app: 'new' }, {}), {}, record);
  assert.equal(found?.scopes, ['Files.Read', 'User.Read', 'openid', 'profile']);
  assert.is(found?.authority, 'https://id.example');
});

test.run();
