import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkRecord, checkText, readChangedOptions, readExclusivelyOptions, type TokenRecord } from '../src/index.ts';

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
  refusedAt: 3,
  refusedBecause: 'invalid_grant',
};

test('a checked record is a copy with every field', () => {
  const copy = checkRecord(whole);
  assert.equal(copy, whole);
  assert.is.not(copy, whole);
});

test('undefined fields are left out', () => {
  const record = { refreshToken: 'refresh', accessToken: undefined, refusedAt: undefined };
  assert.equal(Object.entries(checkRecord(record)), [['refreshToken', 'refresh']]);
});

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
  const times = ['expiresAt', 'obtainedAt', 'refreshExpiresAt', 'refusedAt'];
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

test('a text must be a string of whole characters', () => {
  checkText('\0 é 漢 😀', 'name');
  checkText('', 'name');
  assert.throws(() => checkText('a\ud83d', 'name'), /^name must be well-formed Unicode/);
  assert.throws(() => checkText(null, 'name'), /^name must be a string, not null/);
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
