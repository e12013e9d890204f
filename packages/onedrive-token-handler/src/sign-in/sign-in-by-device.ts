import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { type SignInAttempt, type SignInOptions, timedOut } from './sign-in-attempt.ts';

/** RFC 8628 sections 3.2 and 3.5. */
const defaultIntervalMs = 5_000;
const slowDownMs = 5_000;
const minIntervalMs = 1_000;
/** Between two polls while the provider fails. */
const maxIntervalMs = 30_000;

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * The person enters a short code on any device, while this process polls the provider (RFC 8628). Does not wait until the
 * code is shown. If it cannot be shown, the sign-in ends with that error.
 */
export async function signInByDevice(
  attempt: SignInAttempt,
  onDeviceCode: NonNullable<SignInOptions['onDeviceCode']>,
): Promise<TokenResponse> {
  const { settings, provider, scope, timeout } = attempt;
  const startedAt = performance.now();
  const request = { endpoint: 'devicecode', step: 'device code', form: { scope }, signal: attempt.signal } as const;
  const device = readDeviceAnswer(await (await provider()).post(request));
  const lifetime = Math.max(0, Math.min(device.lifetime, timeout - (performance.now() - startedAt)));
  const deadline = performance.now() + lifetime;

  const showFailed = new AbortController();
  const { userCode, verificationUri, message } = device;
  const expiresAt = Date.now() + Math.round(lifetime);
  const showCode = async (): Promise<unknown> =>
    onDeviceCode({ userCode, verificationUri, expiresAt, ...(message && { message }) });
  showCode().catch((error: unknown) => showFailed.abort(error));

  const signal = AbortSignal.any([attempt.signal, showFailed.signal]);
  for (let { interval } = device; ; ) {
    const remaining = deadline - performance.now();
    await sleep(Math.max(0, Math.min(interval, remaining)), undefined, { signal }).catch(() => {
      throw signal.reason;
    });
    if (interval >= remaining) throw timedOut('device', Math.min(settings.signInTimeout, lifetime));
    try {
      return await attempt.request('device poll', { grant_type: grantType, device_code: device.deviceCode });
    } catch (error) {
      if (!(error instanceof OneDriveTokenError)) throw error;
      if (error.error === 'slow_down') interval += slowDownMs;
      // An offline moment is no reason to give up (RFC 8628 section 3.5).
      else if (error.retryable) interval = Math.max(Math.min(interval * 2, maxIntervalMs), error.retryAfter ?? 0);
      else if (error.error !== 'authorization_pending') throw error;
    }
  }
}

interface DeviceAnswer {
  deviceCode: string;
  userCode: string;
  verificationUri: string;
  /** Milliseconds, as `interval`. */
  lifetime: number;
  interval: number;
  message: string | undefined;
}

function readDeviceAnswer(answer: Record<string, unknown>): DeviceAnswer {
  const { device_code: deviceCode, user_code: userCode, verification_uri: verificationUri, message } = answer;
  const lifetime = Number(answer.expires_in) * 1000;
  const interval = answer.interval === undefined ? defaultIntervalMs : Number(answer.interval) * 1000;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  if (!isText(deviceCode) || !isText(userCode) || !isText(verificationUri) || !(lifetime > 0) || !(interval >= 0)) {
    throw new OneDriveTokenError(
      'RESPONSE',
      "The provider's answer to the request for a device code cannot be used. Use the browser.",
    );
  }
  return {
    deviceCode,
    userCode,
    verificationUri,
    lifetime,
    interval: Math.max(interval, minIntervalMs),
    message: isText(message) ? message : undefined,
  };
}
