import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rememberApp } from '../src/files/private-json.ts';
import type { Flags } from '../src/settings/common-options.ts';
import { readSettings } from '../src/settings/settings.ts';
import { readTokenOptions } from '../src/settings/token-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'token-options-'));
const db = join(folder, 'tokens.db');
rememberApp(db, 'known', { clientId: 'remembered', scopes: ['Files.Read'] });
test.after(() => rmSync(folder, { recursive: true }));

function options(flags: Flags, scopes?: readonly string[]): ReturnType<typeof readTokenOptions> {
  return readTokenOptions(readSettings({ db, ...flags }, {}), scopes);
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
    options({ app: 'known', clientId: 'given', authority: 'https://id.example' }, ['User.Read']) ?? {};
  assert.equal([clientId, authority], ['given', 'https://id.example']);
  assert.equal(scopes, ['User.Read', 'openid', 'profile']);
});

test('an app name that was never signed in asks for Files.ReadWrite.All', () => {
  assert.equal(options({ app: 'new', clientId: 'given' })?.scopes, ['Files.ReadWrite.All', 'openid', 'profile']);
});

test.run();
