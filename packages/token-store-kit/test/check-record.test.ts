import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkRecord, readChangedOptions, readExclusivelyOptions, type TokenRecord } from '../src/index.ts';

const any = (value: unknown): never => value as never;
const whole: Required<TokenRecord> = {
  refreshToken: 'refresh',
  accessToken: 'access',
  expiresAt: 1,
  obtainedAt: 0,
  clientId: 'client',
  authority: 'issuer',
  scope: '',
  idToken: 'id',
  refreshExpiresAt: 2.5,
  signedInAt: -1,
  refusedAt: 3,
  refusedBecause: 'invalid_grant',
  data: { issuer: 'https://issuer.example', ['__proto__']: 'a value' },
};

test('an unknown field is a TypeError that names it, and does not show the value', () => {
  for (const value of ['secret', undefined]) {
    assert.throws(
      () => checkRecord(any({ refreshToken: 'refresh', access_token: value })),
      (error: Error) => error instanceof TypeError && error.message === 'unknown field "access_token"',
    );
  }
});

test('every field is read once, so that a getter cannot return another value after the check', () => {
  const reads: Record<string, number> = {};
  const record = {};
  for (const [field, value] of Object.entries(whole)) {
    const get = (): unknown => {
      reads[field] = (reads[field] ?? 0) + 1;
      return reads[field] === 1 ? value : {};
    };
    Object.defineProperty(record, field, { get, enumerable: true });
  }
  assert.equal(checkRecord(any(record)), whole);
  assert.equal(reads, Object.fromEntries(Object.keys(whole).map((field) => [field, 1])));
});

test('a field of a wrong type is a TypeError that names the field, but not its value', () => {
  const texts = ['accessToken', 'clientId', 'authority', 'scope', 'idToken', 'refusedBecause'];
  const times = ['expiresAt', 'obtainedAt', 'refreshExpiresAt', 'signedInAt', 'refusedAt'];
  for (const [fields, wrong] of [
    [texts, [null, 5, ['secret'], 'secret\ud800']],
    [times, [null, 'secret', Number.NaN, Number.POSITIVE_INFINITY, new Date()]],
  ] as const) {
    for (const field of fields) {
      for (const value of wrong) {
        assert.throws(
          () => checkRecord(any({ refreshToken: 'refresh', [field]: value })),
          (error: Error) =>
            error instanceof TypeError &&
            error.message.startsWith(`record.${field} must be `) &&
            !error.message.includes('secret'),
        );
      }
    }
  }
});

test('data that is no plain object of strings is a TypeError that names it, but not its values', () => {
  for (const [wrong, message] of [
    [null, 'record.data must be a plain object of strings, not [object Null]'],
    ['secret', 'record.data must be a plain object of strings, not [object String]'],
    [['secret'], 'record.data must be a plain object of strings, not [object Array]'],
    [new Map([['a', 'secret']]), 'record.data must be a plain object of strings, not [object Map]'],
    [{ issuer: { secret: 'secret' } }, 'record.data["issuer"] must be a string, not an object'],
    [{ 'secret\ud800': '' }, 'a key of record.data must be well-formed Unicode, but it has half a surrogate pair'],
  ] as const) {
    assert.throws(
      () => checkRecord({ accessToken: 'access', data: any(wrong) }),
      (error: Error) => error instanceof TypeError && error.message === message,
    );
  }
});

test('data of more than 65,536 bytes as JSON is a RangeError that names it', () => {
  const longest = 'é'.repeat(32_764);
  checkRecord({ accessToken: 'access', data: { a: longest } });
  assert.throws(
    () => checkRecord({ accessToken: 'access', data: { a: `${longest}x` } }),
    (error: Error) =>
      error instanceof RangeError && error.message === 'record.data must have at most 65536 bytes as JSON, not 65537',
  );
});

test('a record needs a token that is not empty', () => {
  assert.equal(checkRecord({ accessToken: 'access' }), { accessToken: 'access' });
  assert.throws(
    () => checkRecord({ refreshToken: '', accessToken: 'access' }),
    /^record.refreshToken must not be empty$/,
  );
  for (const record of [{}, { accessToken: '' }, { refreshToken: undefined, idToken: 'id' }])
    assert.throws(() => checkRecord(record), /^record must have a refreshToken or an accessToken$/);
});

test('exclusively waits for 60 seconds by default', () => {
  const task = async (): Promise<void> => {};
  assert.equal(readExclusivelyOptions(task), { timeout: 60_000, signal: undefined });
  assert.equal(readExclusivelyOptions(task, { timeout: undefined }), { timeout: 60_000, signal: undefined });
  const { signal } = new AbortController();
  assert.equal(readExclusivelyOptions(task, { timeout: Number.POSITIVE_INFINITY, signal }), {
    timeout: Number.POSITIVE_INFINITY,
    signal,
  });
});

test('options that cannot be used are refused by their name', () => {
  const task = async (): Promise<void> => {};
  assert.throws(() => readExclusivelyOptions(any(5)), /^task must be a function, not 5/);
  // @ts-expect-error: the task is missing
  assert.throws(() => readExclusivelyOptions({ timeout: 5 }), /^task must be a function, not an object/);
  assert.throws(() => readExclusivelyOptions(task, any(null)), /^options must be an object, not null/);
  assert.throws(() => readExclusivelyOptions(task, any({ timeOut: 5 })), /^unknown option "timeOut"$/);
  assert.throws(() => readExclusivelyOptions(task, any({ timeout: '5' })), /^timeout must be a number/);
  assert.throws(() => readExclusivelyOptions(task, { timeout: -1 }), /^timeout must be 0 or more milliseconds, not -1/);
  assert.throws(() => readChangedOptions(any(undefined)), /^options must be an object/);
  assert.throws(() => readChangedOptions(any({ timeout: 5, Signal: 5 })), /^unknown option "Signal"$/);
  assert.throws(() => readChangedOptions(any({})), /^timeout must be a number, not a value of type undefined/);
  assert.throws(() => readChangedOptions({ timeout: Number.NaN }), /^timeout must be 0 or more milliseconds, not NaN/);
  assert.throws(() => readChangedOptions({ timeout: 5, signal: any({}) }), /^signal must be an AbortSignal/);
});

test.run();
