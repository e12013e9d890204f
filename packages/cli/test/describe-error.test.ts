import { OneDriveTokenError, type OneDriveTokenErrorCode } from 'onedrive-token-handler';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeError, type ShownMethod, sayError } from '../src/settings/describe-error.ts';
import { readSettings } from '../src/settings/settings.ts';

const settings = readSettings({ app: 'backup', db: '/data/tokens.db' }, { HOME: '/home/ada' });
const forProgrammers = 'Call signIn(). Open it again with rekey(key).';
const refusal = { error: 'invalid_grant', errorCodes: [700082], correlationId: 'c', traceId: 't' };

/** As the handler passes on what a store has thrown. */
function fromStore(code: string, reason?: string): OneDriveTokenError {
  const words = { problem: '/data/tokens.db: what happened', remedy: 'Open it again with rekey(key)' };
  const cause = Object.assign(new Error('both'), { code, reason, path: '/data/tokens.db', ...words });
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
  for (const text of texts) assert.match(text, /within 180 s\. .* Allow more time with --timeout SECONDS$/);
  assert.match(describe('device'), /not finished while its code was valid\. .* Run the command again for a new code/);
});

for (const [code, reason, remedy] of [
  ['STORE_KEY', 'key-missing', /^The passphrase comes from ONEDRIVE_TOKEN_KEY, from --key-file, or from you/],
  ['STORE_KEY', 'key-wrong', /^The passphrase comes from ONEDRIVE_TOKEN_KEY, from --key-file, or from you/],
  ['STORE_KEY', 'key-changed', /^Run it again$/],
  [
    'STORE_KEY',
    'not-encrypted',
    /^Leave out .* run: onedrive-token rekey --encrypt --app backup --db \/data\/tokens\.db$/,
  ],
  ['STORE_OPEN', 'moved', /^Run it again$/],
  ['STORE_OPEN', 'closed', /^Run it again$/],
  ['STORE_OPEN', 'foreign', /^Choose another file with --db$/],
  ['STORE_VERSION', undefined, /^Run: npm install --global onedrive-token$/],
] as const) {
  test(`${code}${reason ? ` because of ${reason}` : ''} says what to do on a command line`, () => {
    const described = describeError(fromStore(code, reason), { settings });
    assert.is(described.problem, '/data/tokens.db: what happened');
    assert.match(described.remedy ?? '', remedy);
    assert.is(described.status, 7);
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

for (const [code, status] of [
  ['STORE_BUSY', 8],
  ['STORE_FULL', 7],
  ['STORE_READONLY', 7],
] as const) {
  test(`${code} without a reason keeps the words of the store, and ends with ${status}`, () => {
    const words = { problem: '/data/tokens.db: what happened', remedy: 'Open it again with rekey(key)' };
    assert.equal(describeError(fromStore(code), { settings }), { ...words, status });
  });
}

test('a server that cannot be reached ends with 6', () => {
  assert.is(describeError(fromStore('STORE_OPEN', 'unreachable'), { settings }).status, 6);
});

test.run();
