import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { type SignInAttempt, type SignInOptions, timedOut } from './sign-in-attempt.ts';

/** RFC 8628 sections 3.2 and 3.5. */
const defaultIntervalMs = 5_000;
const slowDownMs = 5_000;
const minIntervalMs = 1_000;
const maxPauseMs = 30_000;

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

/** The person enters a short code on any device, while this process polls the provider (RFC 8628). */
export async function signInByDevice(
  attempt: SignInAttempt,
  onDeviceCode: NonNullable<SignInOptions['onDeviceCode']>,
): Promise<TokenResponse> {
  const { settings, provider, scope, timeout } = attempt;
  const asked = performance.now();
  const request = { endpoint: 'devicecode', step: 'device code', form: { scope }, signal: attempt.signal } as const;
  const device = readDeviceAnswer(await (await provider()).post(request));
  const left = Math.max(0, Math.min(device.lifetime, timeout - (performance.now() - asked)));
  const end = performance.now() + left;

  // Does not wait until the code is shown, but a code that cannot be shown will not be entered.
  const unshown = new AbortController();
  const { userCode, verificationUri, message } = device;
  const shown = { userCode, verificationUri, expiresAt: Date.now() + Math.round(left), ...(message && { message }) };
  const show = async (): Promise<unknown> => onDeviceCode(shown);
  show().catch((error: unknown) => unshown.abort(error));

  const signal = AbortSignal.any([attempt.signal, unshown.signal]);
  for (let pause = device.interval; ; ) {
    const rest = end - performance.now();
    await sleep(Math.max(0, Math.min(pause, rest)), undefined, { signal }).catch(() => {
      throw signal.reason;
    });
    if (pause >= rest) throw timedOut(Math.min(settings.signInTimeout, left));
    try {
      return await attempt.request('device poll', { grant_type: grantType, device_code: device.deviceCode });
    } catch (error) {
      if (!(error instanceof OneDriveTokenError)) throw error;
      if (error.error === 'slow_down') pause += slowDownMs;
      // An offline moment is no reason to give up (RFC 8628 section 3.5).
      else if (error.retryable) pause = Math.max(Math.min(pause * 2, maxPauseMs), error.retryAfter ?? 0);
      else if (error.error !== 'authorization_pending') throw error;
    }
  }
}

interface DeviceAnswer {
  deviceCode: string;
  userCode: string;
  verificationUri: string;
  /** Milliseconds. */
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
      'The provider answered the request for a device code with something else. Use the browser.',
    );
  }
  const pause = Math.max(interval, minIntervalMs);
  return {
    deviceCode,
    userCode,
    verificationUri,
    lifetime,
    interval: pause,
    message: isText(message) ? message : undefined,
  };
}
