import { replaceSecrets, toPlainLine } from 'loopback-acceptor/plain-text';
import { OneDriveTokenError, type OneDriveTokenErrorDetails } from '../one-drive-token-error.ts';

/** An OAuth error of the provider (RFC 6749 sections 4.1.2.1 and 5.2), with Microsoft's additions, and without secrets. */
type ProviderErrorFields = OneDriveTokenErrorDetails & { error: string };

/** The kind of request: `invalid_grant` means something else for a code than for a refresh token. */
export type ProviderStep = 'authorization' | 'code' | 'refresh' | 'device code' | 'device poll';

/** The codes for errors of the provider, each with the problem and the usual remedy. */
const meanings = {
  SIGN_IN_REQUIRED: ['A new sign-in is needed', 'Call signIn()'],
  SIGN_IN_DENIED: ['The sign-in was denied', 'Sign in again and accept what the app asks for'],
  SIGN_IN_TIMEOUT: ['The sign-in was not finished in time', 'Sign in again'],
  SERVER: ['The provider has problems', 'Try again later'],
  THROTTLED: ['The provider was asked too often in a short time', 'Try again in a few minutes'],
  CONFIGURATION: [
    'The provider rejected the request: the app registration may be wrong',
    'Check the client id, the redirect URI http://localhost and the scopes in the app registration',
  ],
} satisfies Record<string, readonly [problem: string, remedy: string]>;
type ErrorCode = keyof typeof meanings;

/** Remedy for a failure with a device code that a sign-in in the browser may not have. */
const withoutDevice = 'Device codes are unreliable for personal accounts: sign in with the browser';

const signInAgain = new Set(['invalid_grant', 'interaction_required', 'consent_required', 'login_required']);
const denied = new Set(['access_denied', 'authorization_declined']);
const serverErrors = new Set(['server_error', 'temporarily_unavailable']);

/** Microsoft's numbers that mean "sign in again". */
const signInAgainNumbers = new Set([
  70000, // the refresh token is spent, or is for another audience
  50173, // a changed password has revoked it
  700082, // it was not used for too long
  70043, // a policy has ended it
  50076, // multi-factor authentication is needed
  65001, // the consent is missing
]);

/** Microsoft's number for a loop of requests. */
const tooManyRequests = 50196;

/** Microsoft's numbers for a wrong app registration, with the remedy. */
const remedies: Readonly<Record<number, string>> = {
  9002331: 'The app is for personal accounts only: use the authority https://login.microsoftonline.com/consumers',
  9002346: 'The app is for personal accounts only: use the authority https://login.microsoftonline.com/consumers',
  90002: 'The authority names a tenant that does not exist: use https://login.microsoftonline.com/consumers',
  50194: 'The app is registered for one organization: choose "Personal Microsoft accounts" among its account types',
  700016:
    'No app for personal accounts has this client id: copy the "Application (client) ID", and allow "Personal Microsoft accounts"',
  50011: 'Add the redirect URI http://localhost under Authentication, platform "Mobile and desktop applications"',
  500113: 'Add the redirect URI http://localhost under Authentication, platform "Mobile and desktop applications"',
  9002326: 'http://localhost is registered for a web page: move it to the platform "Mobile and desktop applications"',
  9002327: 'http://localhost is registered for a web page: move it to the platform "Mobile and desktop applications"',
  7000218: 'The app is registered as confidential: set "Allow public client flows" to Yes under Authentication',
  70002: 'The app is registered as confidential: set "Allow public client flows" to Yes under Authentication',
  70011: 'One of the scopes does not exist: check their spelling, for example Files.ReadWrite.All',
  650053: 'One of the scopes does not exist: check their spelling, for example Files.ReadWrite.All',
};

/** Reads an error response, which has an `error`. Replaces the `secrets`, because some providers quote the request. */
export function readErrorFields(
  answer: Readonly<Record<string, unknown>>,
  secrets: readonly string[],
): ProviderErrorFields {
  const { error, error_description, error_codes, correlation_id, trace_id } = answer;
  const read = (value: unknown): string | undefined =>
    typeof value === 'string' ? replaceSecrets(value, secrets) : undefined;
  const description = read(error_description) ?? '';
  const sent = Array.isArray(error_codes) ? error_codes.filter((code) => typeof code === 'number') : [];
  // The authorization endpoint sends the numbers only in the description.
  const numbers =
    sent.length > 0 ? sent : [...description.matchAll(/\bAADSTS(\d{4,9})\b/g)].map(([, code]) => Number(code));
  return {
    error: firstLine(replaceSecrets(String(error), secrets)),
    errorDescription: firstLine(description) || undefined,
    errorCodes: numbers.length > 0 ? numbers : undefined,
    correlationId: read(correlation_id),
    traceId: read(trace_id),
  };
}

/** The error for the handler's caller. */
export function toTokenError(fields: ProviderErrorFields, step: ProviderStep): OneDriveTokenError {
  const { error, errorDescription, errorCodes = [] } = fields;
  const code = classify(error, errorCodes, step);
  const problem = `${meanings[code][0]} (${[error, errorDescription].filter(Boolean).join(': ')})`;
  const reason = code === 'SIGN_IN_REQUIRED' ? 'refused' : undefined;
  return new OneDriveTokenError(code, problem, { ...fields, remedy: remedyFor(code, errorCodes, step), reason });
}

function classify(error: string, numbers: readonly number[], step: ProviderStep): ErrorCode {
  // First, because its OAuth error may be one that means "sign in again".
  if (numbers.includes(tooManyRequests)) return 'THROTTLED';
  // Every number has to be in `remedies`: for an expired refresh token, older endpoints send one of them before the real
  // number.
  if (numbers.length > 0 && numbers.every((number) => number in remedies)) return 'CONFIGURATION';
  if (denied.has(error)) return 'SIGN_IN_DENIED';
  if (serverErrors.has(error)) return 'SERVER';
  if (step === 'authorization') return 'CONFIGURATION';
  if (step === 'device poll' && error === 'expired_token') return 'SIGN_IN_TIMEOUT';
  if (signInAgain.has(error) || numbers.some((number) => signInAgainNumbers.has(number))) return 'SIGN_IN_REQUIRED';
  return 'CONFIGURATION';
}

function remedyFor(code: ErrorCode, numbers: readonly number[], step: ProviderStep): string {
  const [known] = numbers.flatMap((number) => remedies[number] ?? []);
  if (code === 'CONFIGURATION' && known !== undefined) return known;
  if (code === 'SIGN_IN_REQUIRED' && step === 'code') {
    return 'The code was already spent or too old: a browser extension or a reloaded page can spend it. Sign in again';
  }
  const isOfPerson = code === 'CONFIGURATION' || code === 'SIGN_IN_DENIED';
  return step.startsWith('device') && !isOfPerson ? withoutDevice : meanings[code][1];
}

/** Cuts off the trace ids that Microsoft appends, because they are properties of the error. */
function firstLine(text: string): string {
  const [line = ''] = text.split(/[\r\n]|\sTrace ID:/, 1);
  return toPlainLine(line).replace(/\.$/, '');
}
