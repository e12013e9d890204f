import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Asked, meantToken, readSettings } from '../src/settings/settings.ts';

const record = { clientId: 'stored', authority: 'https://id.example', scope: 'Files.Read User.Read' };
const variables = { ONEDRIVE_TOKEN_CLIENT_ID: 'variable', ONEDRIVE_TOKEN_AUTHORITY: 'https://variable.example' };

function meant(flags: object, env: NodeJS.ProcessEnv, stored?: object, asked?: Asked): unknown[] {
  const { clientId, authority, scopes } = meantToken(readSettings({ db: 'x', ...flags }, env), stored, asked);
  return [clientId, authority, scopes.join(' ')];
}

test('an option counts first, then its variable, then the record, then the default', () => {
  const flags = { clientId: 'given', authority: 'https://given.example' };
  const ofRecord = 'Files.Read User.Read openid profile';
  assert.equal(meant(flags, variables, record), ['given', 'https://given.example', ofRecord]);
  assert.equal(meant({}, variables, record), ['variable', 'https://variable.example', ofRecord]);
  assert.equal(meant({}, {}, record), ['stored', 'https://id.example', ofRecord]);
  assert.equal(meant({}, {}), [undefined, undefined, 'Files.ReadWrite.All openid profile']);
});

test('what login asks for replaces what was granted', () => {
  const asked = { clientId: 'typed', scopes: ['Files.Read.All'] };
  assert.equal(meant({}, {}, undefined, asked), ['typed', undefined, 'Files.Read.All openid profile']);
  assert.equal(meant({}, {}, record, { scopes: ['Files.Read.All'] }).at(-1), 'Files.Read.All openid profile');
});

test('a record of the Python class says neither client id nor scopes', () => {
  assert.equal(meant({}, {}, { refreshToken: 'r' }), [undefined, undefined, 'Files.ReadWrite.All openid profile']);
});

test.run();
