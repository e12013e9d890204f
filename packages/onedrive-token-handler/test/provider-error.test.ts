import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { OneDriveTokenError } from '../src/index.ts';
import { type ProviderStep, readErrorFields, toTokenError } from '../src/provider/provider-error.ts';

/** What an error response means. */
function errorOf(answer: Record<string, unknown>, step: ProviderStep = 'refresh'): OneDriveTokenError {
  const fields = readErrorFields(answer, []);
  assert.ok(fields);
  return toTokenError(fields, step);
}

for (const [name, ...numbers] of [
  ['https://login.microsoftonline.com/consumers', 9002331, 9002346, 90002],
  ['Personal Microsoft accounts', 50194, 700016],
  ['http://localhost', 50011, 500113, 9002326, 9002327],
  ['Allow public client flows', 7000218, 70002],
  ['Files.ReadWrite.All', 70011, 650053],
] as const) {
  test(`AADSTS${numbers.join(', ')}: CONFIGURATION, although the OAuth error says otherwise, and the remedy names ${name}`, () => {
    for (const number of numbers) {
      const { code, remedy } = errorOf({ error: 'invalid_grant', error_codes: [number] });
      assert.is(code, 'CONFIGURATION');
      assert.match(remedy ?? '', name);
    }
  });
}

test('some OAuth errors, and some numbers with any OAuth error, need a new sign-in', () => {
  const errors = ['invalid_grant', 'interaction_required', 'consent_required', 'login_required'];
  for (const error of errors) assert.is(errorOf({ error }).code, 'SIGN_IN_REQUIRED', error);
  for (const number of [70000, 50173, 700082, 70043, 50076, 65001])
    assert.is(errorOf({ error: 'invalid_request', error_codes: [number] }).code, 'SIGN_IN_REQUIRED', `${number}`);
  assert.is(errorOf({ error: 'invalid_request' }).code, 'CONFIGURATION');
});

for (const [step, error, code] of [
  ['device poll', 'expired_token', 'SIGN_IN_TIMEOUT'],
  ['device poll', 'invalid_grant', 'SIGN_IN_REQUIRED'],
  ['device poll', 'authorization_declined', 'SIGN_IN_DENIED'],
  ['refresh', 'expired_token', 'CONFIGURATION'],
] as const) {
  test(`${error} after a ${step} is ${code}`, () => assert.is(errorOf({ error }, step).code, code));
}

test('what to do depends on what was asked for', () => {
  const remedyOf = (error: string, step?: ProviderStep) => errorOf({ error }, step).remedy;
  assert.is.not(remedyOf('invalid_grant', 'code'), remedyOf('invalid_grant'));
  assert.is(remedyOf('server_error', 'code'), remedyOf('server_error'));
  // As older endpoints say it of an expired refresh token. The first number alone would be of a wrong registration.
  assert.is(errorOf({ error: 'invalid_grant', error_codes: [70002, 70008] }).remedy, remedyOf('invalid_grant'));
  const otherWay = remedyOf('expired_token', 'device poll');
  for (const error of ['server_error', 'invalid_grant']) assert.is(remedyOf(error, 'device code'), otherWay);
  assert.is.not(remedyOf('server_error'), otherWay);
  for (const error of ['access_denied', 'invalid_tea']) assert.is(remedyOf(error, 'device poll'), remedyOf(error));
});

test('of several numbers, the first that is known says what to do', () => {
  const remedyOf = (...error_codes: number[]) => errorOf({ error: 'invalid_request', error_codes }).remedy;
  assert.is(remedyOf(1, 50011), remedyOf(50011));
});

test('numbers are those of error_codes, or else of the description', () => {
  const errorCodes = (answer: object) => errorOf({ error: 'invalid_tea', ...answer }).errorCodes;
  assert.equal(errorCodes({ error_codes: [50011], error_description: 'AADSTS70011: why' }), [50011]);
  for (const error_codes of [undefined, 7, ['7', null]])
    assert.equal(errorCodes({ error_codes, error_description: 'AADSTS50011: why' }), [50011]);
});

test('a description is its first line, without ids; what is no text is none', () => {
  const error_description = 'AADSTS50011: why. Trace ID: 1\r\nCorrelation ID: 2';
  assert.is(errorOf({ error: 'invalid_tea', error_description }).errorDescription, 'AADSTS50011: why');
  const error = errorOf({ error: 'invalid_tea', error_description: 7, trace_id: 7 });
  for (const name of ['errorDescription', 'errorCodes', 'traceId']) assert.not(name in error, name);
});

test('of a secret that stands where a long description is cut, not even a part is left', () => {
  const secret = 'the-refresh-token';
  const error_description = `${'x'.repeat(490)}${secret}`;
  const { errorDescription = '' } = readErrorFields({ error: 'invalid_tea', error_description }, [secret]);
  assert.is(errorDescription.replace(/^x+/, ''), '[secret]');
});

test('a description of 100,000 spaces does not keep the program busy', () => {
  const before = process.cpuUsage();
  errorOf({ error: 'invalid_tea', error_description: ' '.repeat(100_000) });
  assert.ok(process.cpuUsage(before).user < 1_000_000, 'it took more than a second of the processor');
});

test.run();
