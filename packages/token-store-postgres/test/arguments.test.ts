import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openPostgresTokenStore, type PostgresTokenStoreOptions } from '../src/index.ts';

type Refusal = [options: unknown, error: typeof TypeError | typeof RangeError, message: RegExp];
const refused: Refusal[] = [
  [5, TypeError, /^options must be an object/],
  [null, TypeError, /^options must be an object/],
  [{ leasetime: 15_000 }, TypeError, /^unknown option "leasetime"/],
  [{ pool: { connect() {} } }, TypeError, /^pool must be a Pool of pg/],
  [{ pool: { on() {} } }, TypeError, /^pool must be a Pool of pg/],
  [{ connectionString: 5 }, TypeError, /^connectionString must be a string/],
  [{ connectionString: 'postgresql://ada:s3cret@[' }, TypeError, /^connectionString must be like postgresql:/],
  [{ schema: '' }, TypeError, /^schema must be a name/],
  [{ schema: 'a\0' }, TypeError, /^schema must be a name/],
  [{ schema: 'x'.repeat(64) }, RangeError, /^schema must have at most 63 bytes, not 64/],
  [{ table: 5 }, TypeError, /^table must be a string/],
  [{ table: 'ü'.repeat(26) }, RangeError, /^table must have at most 50 bytes, not 52/],
  [{ key: '' }, TypeError, /^key must not be an empty string/],
  [{ key: new Uint8Array(31) }, TypeError, /^key must be 32 bytes/],
  [{ otherKeys: 'passphrase' }, TypeError, /^otherKeys must be an array/],
  [{ otherKeys: [''] }, TypeError, /^key must not be an empty string/],
  [{ leaseTime: '15' }, TypeError, /^leaseTime must be a number/],
  [{ leaseTime: 99 }, RangeError, /^leaseTime must be from 100 to 86400000, not 99/],
  [{ leaseTime: Number.NaN }, RangeError, /^leaseTime/],
  [{ leaseTime: Number.POSITIVE_INFINITY }, RangeError, /^leaseTime/],
  [{ listen: 'yes' }, TypeError, /^listen must be a boolean/],
];

for (const [options, Refused, message] of refused) {
  test(`${JSON.stringify(options)} is refused, before anything is connected`, async () => {
    const error = await openPostgresTokenStore(options as PostgresTokenStoreOptions).catch((reason) => reason);
    assert.instance(error, Refused);
    assert.match(error.message, message);
    assert.not.match(`${error.message} ${error.stack} ${String(error.cause)}`, 's3cret');
  });
}

test('pool and connectionString together are refused', async () => {
  const pool = { connect: () => {}, on: () => {} };
  const options = { pool, connectionString: 'postgresql://localhost' } as unknown as PostgresTokenStoreOptions;
  const error = await openPostgresTokenStore(options).catch((reason) => reason);
  assert.instance(error, TypeError);
});

test.run();
