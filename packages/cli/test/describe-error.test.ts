import { OneDriveTokenError, type SignInMethod } from 'onedrive-token-handler';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeError } from '../src/settings/describe-error.ts';
import { readSettings } from '../src/settings/settings.ts';

const settings = readSettings({ app: 'backup', db: '/data/tokens.db' }, { HOME: '/home/ada' });
const refusal = { error: 'invalid_grant', errorDescription: 'spent', correlationId: 'c', traceId: 't' };
const login = 'Run: onedrive-token login --app backup --db /data/tokens.db';

/** A problem, and the ids that Microsoft's support asks for. */
function withIds(problem: string): RegExp {
  return new RegExp(`^${problem} \\(.* c, .* t\\)$`);
}

/** As the handler passes on what a store has thrown. */
function fromStore(code: string, reason?: string): OneDriveTokenError {
  const words = { problem: '/data/tokens.db: what happened', remedy: 'Open it again with rekey(key)' };
  const cause = Object.assign(new Error('both'), { code, reason, ...words });
  return new OneDriveTokenError('STORE', 'Call signIn()', { cause, retryable: /BUSY|FULL/.test(code) });
}

test('SIGN_IN_REQUIRED says why, each reason in words of its own, and which command to run', () => {
  const reasons = ['not-signed-in', 'refused', 'expired', 'not-accepted', 'signed-out'] as const;
  const said = reasons.map((reason) => {
    const error = new OneDriveTokenError('SIGN_IN_REQUIRED', 'Call signIn()', { reason, ...refusal });
    const { problem, ...rest } = describeError(error, {
      settings,
      signInMethod: reason === 'refused' ? undefined : 'browser',
    });
    assert.equal(rest, { remedy: login, status: 3 });
    return problem;
  });
  assert.is(new Set(said).size, reasons.length);
  assert.match(said[0] ?? '', '"backup"');
  assert.match(said[1] ?? '', /\(invalid_grant: spent, .*\bc, .*\bt\)$/);
});

test('a refusal during a sign-in is about its code, in the words of the handler', () => {
  const details = { reason: 'refused', remedy: 'The code was too old', ...refusal } as const;
  const error = new OneDriveTokenError('SIGN_IN_REQUIRED', 'A new sign-in is needed', details);
  const { problem, ...rest } = describeError(error, { settings, signInMethod: 'browser' });
  assert.match(problem, withIds('A new sign-in is needed'));
  assert.equal(rest, { remedy: `The code was too old. ${login}`, status: 3 });
});

test('each way in has a time-out text of its own, with the time and how to get more', () => {
  const ways: (SignInMethod | undefined)[] = ['browser', 'device', 'paste', undefined];
  const describe = (signInMethod: SignInMethod | undefined, timeout?: number) =>
    describeError(new OneDriveTokenError('SIGN_IN_TIMEOUT', 'Call signIn()'), {
      settings: { ...settings, timeout },
      signInMethod,
    });
  const texts = ways.map((way) => describe(way, way === 'device' ? 180_000 : undefined));
  assert.is(new Set(texts.map(({ remedy }) => remedy)).size, ways.length);
  for (const { problem, remedy = '' } of texts) {
    assert.match(problem, / 180 s$/);
    assert.match(remedy, /--timeout SECONDS$/);
  }
  assert.equal(
    texts.map(({ remedy = '' }) => remedy.includes('doctor')),
    [true, false, true, false],
    'only a browser shows an error page',
  );
  assert.not.match(describe('device').problem, '180 s');
  assert.match(describe('device').remedy ?? '', /login --paste$/);
});

/** Not those of the store. */
const ownWords = /^(?!.*rekey\(key\))\S/;

for (const [code, reason, remedy] of [
  ['STORE_KEY', 'key-missing', /ONEDRIVE_TOKEN_KEY or --key-file; .*keyring/],
  ['STORE_KEY', 'key-wrong', /ONEDRIVE_TOKEN_KEY or --key-file; .*keyring/],
  ['STORE_KEY', 'key-changed', ownWords],
  ['STORE_KEY', 'not-encrypted', /ONEDRIVE_TOKEN_KEY.* rekey --encrypt$/],
  ['STORE_OPEN', 'moved', ownWords],
  ['STORE_OPEN', 'closed', ownWords],
  // A command line names no schema and no table.
  ['STORE_OPEN', 'foreign', /--db$/],
  ['STORE_OPEN', 'no-driver', /^Run: npm install --global token-store-postgres pg$/],
  ['STORE_READONLY', 'unfinished-write', /\btoken\b/],
  ['STORE_VERSION', undefined, /^Run: npm install --global onedrive-token/],
] as const) {
  test(`${code}${reason ? ` because of ${reason}` : ''} says what to do on a command line`, () => {
    const described = describeError(fromStore(code, reason), { settings });
    assert.equal([described.problem, described.status], ['/data/tokens.db: what happened', 7]);
    assert.match(described.remedy ?? '', remedy);
  });
}

for (const [code, details, status] of [
  ['NETWORK', {}, 6],
  ['NETWORK', { retryable: false }, 1],
  ['CONFIGURATION', {}, 1],
  ['CONFIGURATION', { error: undefined }, 2],
  ['SIGN_IN_DENIED', {}, 4],
  ['CLOSED', {}, 1],
] as const) {
  test(`${code} ${JSON.stringify(details)} ends with ${status}, in the words of the handler, with ids for the support of Microsoft`, () => {
    const error = new OneDriveTokenError(code, 'What happened', { remedy: 'What to do', ...refusal, ...details });
    const { problem, ...rest } = describeError(error, { settings });
    assert.match(problem, withIds('What happened'));
    assert.equal(rest, { remedy: 'What to do', status });
  });
}

test('any other error ends with 1, and says what it says', () => {
  assert.equal(describeError(new Error('What happened')), { problem: 'What happened', status: 1 });
  assert.equal(describeError('What happened'), { problem: 'What happened', status: 1 });
});

test('an error of the handler about the database, and one before the options were read, are complete', () => {
  const error = new OneDriveTokenError('STORE', 'What happened', { remedy: 'What to do' });
  assert.equal(describeError(error), { problem: error.problem, remedy: 'What to do', status: 7 });
  assert.match(describeError(new OneDriveTokenError('SIGN_IN_TIMEOUT', '')).problem, / 180 s$/);
});

for (const [code, reason, status] of [
  ['STORE_BUSY', undefined, 8],
  ['STORE_FULL', undefined, 7],
  ['STORE_OPEN', 'no-permission', 7],
  ['STORE_OPEN', 'unreachable', 6],
] as const) {
  test(`${code} ${reason ?? ''} keeps the words of the store, and ends with ${status}`, () => {
    const words = { problem: '/data/tokens.db: what happened', remedy: 'Open it again with rekey(key)' };
    assert.equal(describeError(fromStore(code, reason), { settings }), { ...words, status });
  });
}

// macOS says this if it lets the terminal read no file in Documents.
test('a working folder that this program may not enter is not called deleted', () => {
  const error = Object.assign(new Error('EPERM: not permitted, uv_cwd'), { code: 'EPERM', syscall: 'uv_cwd' });
  assert.equal(describeError(error), { problem: error.message, status: 1 });
});

test.run();
