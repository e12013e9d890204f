import type { TokenResponse } from 'shared-token';
import { pause } from 'token-store-kit';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import type { SignInAttempt } from './sign-in-options.ts';

/** RFC 8628 sections 3.2 and 3.5. */
const defaultIntervalMs = 5_000;
const slowDownMs = 5_000;
const minIntervalMs = 1_000;

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * The person enters a short code on any device, while this process polls the provider (RFC 8628), until the code has expired.
 * Does not await `onDeviceCode`. If that fails, the sign-in ends with its error.
 */
export async function signInByDevice(attempt: SignInAttempt): Promise<TokenResponse> {
  const { provider, scope, options, context } = attempt;
  const endsAt = Date.now() + context.timeout;
  const request = { endpoint: 'devicecode', step: 'device code', form: { scope }, signal: context.signal } as const;
  const { deviceCode, lifetime, interval: firstInterval, ...shown } = readDeviceAnswer(await provider.post(request));
  const showFailed = new AbortController();
  const showCode = async (): Promise<unknown> =>
    options.onDeviceCode?.({ ...shown, expiresAt: Math.min(endsAt, Date.now() + lifetime) });
  showCode().catch((error: unknown) => showFailed.abort(error));

  for (let interval = firstInterval, retryAfter = 0; ; ) {
    await pause(Math.max(interval, retryAfter), [context.signal, showFailed.signal]);
    retryAfter = 0;
    try {
      const form = { grant_type: grantType, device_code: deviceCode };
      const response = await provider.requestTokens('device poll', form, scope);
      return await context.redeem(async () => response);
    } catch (error) {
      if (!(error instanceof OneDriveTokenError)) throw error;
      if (error.error === 'authorization_pending') continue;
      // Goes on after a retryable error, such as a moment without network.
      if (error.error !== 'slow_down' && !error.retryable) throw error;
      interval += slowDownMs;
      retryAfter = error.retryAfter ?? 0;
    }
  }
}

/** `lifetime` and `interval` are milliseconds. */
function readDeviceAnswer(answer: Record<string, unknown>) {
  const { device_code: deviceCode, user_code: userCode, verification_uri: verificationUri, message } = answer;
  const lifetime = Number(answer.expires_in) * 1000;
  const interval = answer.interval === undefined ? defaultIntervalMs : Number(answer.interval) * 1000;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  if (!isText(deviceCode) || !isText(userCode) || !isText(verificationUri) || !(lifetime > 0) || !(interval >= 0)) {
    const problem = "The provider's answer to the request for a device code cannot be used";
    throw new OneDriveTokenError('RESPONSE', problem, { remedy: 'Use the browser' });
  }
  return {
    deviceCode,
    userCode,
    verificationUri,
    lifetime,
    interval: Math.max(interval, minIntervalMs),
    ...(isText(message) && { message }),
  };
}
