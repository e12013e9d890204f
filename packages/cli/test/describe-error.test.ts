import { OneDriveTokenError, type OneDriveTokenErrorCode } from 'onedrive-token-handler';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeError, type ShownMethod, sayError } from '../src/settings/describe-error.ts';
import { readSettings } from '../src/settings/settings.ts';

const settings = readSettings({ app: 'backup', db: '/data/tokens.db' }, { HOME: '/home/ada' });
const forProgrammers = 'Call signIn(). Open it again with rekey(key).';
const refusal = { error: 'invalid_grant', errorCodes: [700082], correlationId: 'c', traceId: 't' };

function fromStore(code: string, reason?: string): OneDriveTokenError {
  const cause = Object.assign(new Error(forProgrammers), { code, reason, path: '/data/tokens.db' });
  return new OneDriveTokenError('STORE', forProgrammers, { cause });
}

for (const [reason, says] of [
  ['not-signed-in', 'no sign-in is stored for app name "backup" with this client id and authority'],
  ['refused', 'the provider refused the stored sign-in (invalid_grant, AADSTS700082, correlation id c, trace id t)'],
  ['not-accepted', 'the stored sign-in lacks a permission that is needed now'],
  ['signed-out', 'a logout deleted the tokens while this command ran'],
] as const) {
  test(`SIGN_IN_REQUIRED because of ${reason} says so, and which command to run`, () => {
    const details = { reason, ...(reason === 'refused' && refusal) };
    const error = new OneDriveTokenError('SIGN_IN_REQUIRED', forProgrammers, details);
    const login = 'Run: onedrive-token login --app backup --db /data/tokens.db';
    assert.equal(describeError(error, { settings }), { problem: says, remedy: login, status: 3 });
  });
}

for (const [signInMethod, says] of [
  ['browser', /the code of this sign-in \(.*a browser extension or a reloaded page used it first/],
  ['device', /the device code \(.*unreliable for personal accounts/],
] as const) {
  test(`a refusal during a sign-in with ${signInMethod} is about its code`, () => {
    const error = new OneDriveTokenError('SIGN_IN_REQUIRED', forProgrammers, { reason: 'refused', ...refusal });
    assert.match(sayError(error, { settings, signInMethod }), says);
  });
}

test('each way in has a time-out text of its own, with the time and how to get more', () => {
  const ways: (ShownMethod | undefined)[] = ['browser', 'address', 'device', 'paste', undefined];
  const describe = (signInMethod: ShownMethod | undefined, timeout?: number): string =>
    sayError(new OneDriveTokenError('SIGN_IN_TIMEOUT', forProgrammers), {
      settings: { ...settings, ...(timeout !== undefined && { timeout }) },
      signInMethod,
    });
  const texts = ways.map((signInMethod) => describe(signInMethod, signInMethod === 'device' ? 180_000 : undefined));
  assert.is(new Set(texts).size, ways.length);
  for (const text of texts) assert.match(text, /within 180 s.* Allow more time with --timeout SECONDS$/);
  assert.match(describe('device'), /^the code expired before .* Run the command again for a new code/);
});

for (const [code, reason, says] of [
  ['STORE_KEY', 'key-missing', 'is encrypted. The passphrase comes from ONEDRIVE_TOKEN_KEY, from --key-file, '],
  ['STORE_KEY', 'key-wrong', 'is encrypted with another key. The passphrase comes from ONEDRIVE_TOKEN_KEY, '],
  ['STORE_KEY', 'key-changed', 'its key was changed while this command ran. Run it again'],
  [
    'STORE_KEY',
    'not-encrypted',
    'is not encrypted. Leave out ONEDRIVE_TOKEN_KEY and --key-file. To encrypt it, run: onedrive-token rekey --encrypt --app backup --db /data/tokens.db',
  ],
  ['STORE_KEY', undefined, 'does not open with this key. The passphrase comes from ONEDRIVE_TOKEN_KEY, '],
  ['STORE_OPEN', 'moved', 'was moved, replaced or deleted while this command ran. Run it again'],
  ['STORE_OPEN', 'closed', 'was closed before this command was done. Run it again'],
  ['STORE_OPEN', 'foreign', 'is the database of another program, and was left as it is. Choose another file with --db'],
  [
    'STORE_VERSION',
    undefined,
    'was written by a newer version of this command. Run: npm install --global onedrive-token',
  ],
] as const) {
  test(`${code}${reason ? ` because of ${reason}` : ''} names the file, and what to do on a command line`, () => {
    const text = sayError(fromStore(code, reason), { settings });
    assert.ok(text.startsWith(`/data/tokens.db: ${says}`), text);
    assert.not.match(text, /\w\(/);
  });
}

test('a database with another key: says that the file that names the keyring entry may be missing', () => {
  const text = sayError(fromStore('STORE_KEY', 'key-wrong'), { settings });
  assert.ok(text.endsWith(' If it was encrypted with --keyring, /data/tokens.db.keyring.json is missing'), text);
});

for (const code of ['NETWORK', 'SERVER', 'THROTTLED', 'CONFIGURATION', 'RESPONSE', 'SIGN_IN_DENIED'] as const) {
  test(`${code} keeps the message of the handler, with the ids for the support of Microsoft`, () => {
    const error = new OneDriveTokenError(code satisfies OneDriveTokenErrorCode, 'What happened. What to do.', refusal);
    assert.is(sayError(error, { settings }), 'What happened. What to do. (correlation id c, trace id t)');
  });
}

for (const code of ['STORE_BUSY', 'STORE_FULL', 'STORE_READONLY', 'STORE_CORRUPT', 'STORE_OPEN']) {
  test(`${code} without a reason keeps the message of the store`, () => {
    assert.is(sayError(fromStore(code), { settings }), forProgrammers);
  });
}

test.run();
