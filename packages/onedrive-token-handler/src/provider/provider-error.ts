import { replaceSecrets, toPlainLine } from 'loopback-acceptor/plain-text';
import { OneDriveTokenError, type OneDriveTokenErrorCode } from '../one-drive-token-error.ts';

/** An OAuth error of the provider (RFC 6749 sections 4.1.2.1 and 5.2), with Microsoft's additions. */
export interface ProviderErrorFields {
  error: string;
  description?: string | undefined;
  errorCodes?: readonly number[] | undefined;
  correlationId?: string | undefined;
  traceId?: string | undefined;
}

/** What was asked for: `invalid_grant` means another thing for a code than for a refresh token. */
export type ProviderStep = 'authorization' | 'code' | 'refresh' | 'device code' | 'device poll';

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

/** Microsoft's numbers for a wrong app registration, with the remedy. */
const remedies = new Map(
  (
    [
      [
        [9002331, 9002346],
        'The app is for personal accounts only: use the authority https://login.microsoftonline.com/consumers.',
      ],
      [[90002], 'The authority names a tenant that does not exist: use https://login.microsoftonline.com/consumers.'],
      [
        [50194],
        'The app is registered for one organization: choose "Personal Microsoft accounts" among its account types.',
      ],
      [
        [700016],
        'No app has this client id for personal accounts: copy the "Application (client) ID" of the registration, and allow "Personal Microsoft accounts".',
      ],
      [
        [50011, 500113],
        'Add the redirect URI http://localhost under Authentication, platform "Mobile and desktop applications".',
      ],
      [
        [9002326, 9002327],
        'The redirect URI is registered for a web page: move http://localhost to the platform "Mobile and desktop applications".',
      ],
      [
        [7000218, 70002],
        'The app is registered as confidential: set "Allow public client flows" to Yes under Authentication.',
      ],
      [[70011, 650053], 'One of the scopes does not exist: check their spelling, for example Files.ReadWrite.All.'],
    ] as const
  ).flatMap(([numbers, remedy]) => numbers.map((number): [number, string] => [number, remedy])),
);

/** The error for the handler's caller. `fields` must have no secrets in them: see {@link removeSecrets}. */
export function toTokenError(fields: ProviderErrorFields, step: ProviderStep): OneDriveTokenError {
  const { error, description = '', errorCodes, correlationId, traceId } = fields;
  const numbers = errorCodes ?? numbersIn(description);
  const code = classify(error, numbers, step);
  const name = firstLine(error);
  const explanation = firstLine(description);
  const said = [name, explanation].filter(Boolean).join(': ');
  const message = [`${openings[code] ?? 'The provider refused'} (${said}).`, remedyFor(code, numbers, step)]
    .filter(Boolean)
    .join(' ');
  return new OneDriveTokenError(code, message, {
    error: name,
    errorDescription: explanation || undefined,
    errorCodes: numbers.length > 0 ? numbers : undefined,
    correlationId,
    traceId,
    reason: code === 'SIGN_IN_REQUIRED' ? 'refused' : undefined,
  });
}

const openings: Partial<Record<OneDriveTokenErrorCode, string>> = {
  SIGN_IN_REQUIRED: 'A new sign-in is needed',
  SIGN_IN_DENIED: 'The sign-in was denied',
  SERVER: 'The provider has problems',
  CONFIGURATION: "The provider refused the app's registration or request",
};

function classify(error: string, numbers: readonly number[], step: ProviderStep): OneDriveTokenErrorCode {
  // Every number has to be one of these: for an expired refresh token, older endpoints first send one of them, and then the
  // real one.
  if (numbers.length > 0 && numbers.every((number) => remedies.has(number))) return 'CONFIGURATION';
  if (denied.has(error)) return 'SIGN_IN_DENIED';
  if (serverErrors.has(error)) return 'SERVER';
  if (step === 'authorization') return 'CONFIGURATION';
  if (step === 'device poll' && error === 'expired_token') return 'SIGN_IN_TIMEOUT';
  if (signInAgain.has(error) || numbers.some((number) => signInAgainNumbers.has(number))) return 'SIGN_IN_REQUIRED';
  return 'CONFIGURATION';
}

function remedyFor(code: OneDriveTokenErrorCode, numbers: readonly number[], step: ProviderStep): string {
  if (code === 'CONFIGURATION') {
    const known = numbers.map((number) => remedies.get(number)).find(Boolean);
    return known ?? 'Check the client id, the redirect URI http://localhost and the scopes in the app registration.';
  }
  if (code === 'SIGN_IN_DENIED') return 'Sign in again and accept what the app asks for.';
  if (code === 'SIGN_IN_REQUIRED' && step === 'code') {
    return 'The code was already spent or too old: a browser extension or a reloaded page can spend it. Sign in again.';
  }
  if (step === 'device code' || step === 'device poll') {
    return 'Device codes are unreliable for personal accounts: sign in with the browser.';
  }
  return code === 'SIGN_IN_REQUIRED' ? 'Call signIn().' : '';
}

/** The numbers in the description; the authorization endpoint sends them nowhere else. */
function numbersIn(description: string): number[] {
  return [...description.matchAll(/\bAADSTS(\d{4,9})\b/g)].map(([, digits]) => Number(digits));
}

/** The fields without the secrets of the request: some providers quote what was sent to them. */
export function removeSecrets(fields: ProviderErrorFields, secrets: readonly string[]): ProviderErrorFields {
  const clean = (text: string): string => replaceSecrets(text, secrets);
  const { error, description, errorCodes, correlationId, traceId } = fields;
  return {
    error: clean(error),
    description: description && clean(description),
    errorCodes,
    correlationId: correlationId && clean(correlationId),
    traceId: traceId && clean(traceId),
  };
}

/** Microsoft appends its trace ids, which are properties of the error. */
function firstLine(text: string): string {
  const [line = ''] = text.split(/[\r\n]|\s+Trace ID:/, 1);
  return toPlainLine(line, { visibleOnly: true }).replace(/\.$/, '');
}
