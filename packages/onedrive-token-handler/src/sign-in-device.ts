import { setTimeout as sleep } from 'node:timers/promises';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import { type SignInAttempt, timedOut } from './sign-in.ts';
import type { TokenSet } from './token-response.ts';

/** RFC 8628 sections 3.2 and 3.5, in milliseconds. */
const defaultInterval = 5_000;
const slowDown = 5_000;

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

/** The person enters a short code on any device, while this polls (RFC 8628). */
export async function signInByDevice(attempt: SignInAttempt): Promise<TokenSet> {
  const { settings, options, provider, scope, timeout, signal } = attempt;
  const asked = performance.now();
  const answer = await (await provider()).post({ endpoint: 'devicecode', step: 'device code', form: { scope } });
  signal.throwIfAborted();
  const { deviceCode, userCode, verificationUri, lifetime, message, ...device } = readDeviceAnswer(answer);
  const left = Math.min(lifetime, timeout - (performance.now() - asked));
  const end = performance.now() + left;
  await options.onDeviceCode?.({
    userCode,
    verificationUri,
    expiresAt: Date.now() + Math.round(left),
    ...(message !== undefined && { message }),
  });
  for (let { interval } = device; ; ) {
    if (performance.now() + interval >= end) {
      await sleep(Math.max(0, end - performance.now()), undefined, { signal }).catch(throwReasonOf(signal));
      throw timedOut(Math.min(settings.signInTimeout, left));
    }
    await sleep(interval, undefined, { signal }).catch(throwReasonOf(signal));
    try {
      return await attempt.redeem({ grant_type: grantType, device_code: deviceCode });
    } catch (error) {
      if (!(error instanceof OneDriveTokenError)) throw error;
      if (error.error === 'slow_down') interval += slowDown;
      // An offline moment is no reason to give up (RFC 8628 section 3.5).
      else if (error.error !== 'authorization_pending' && !error.retryable) throw error;
    }
  }
}

function throwReasonOf(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    throw signal.aborted ? signal.reason : error;
  };
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
  const interval = answer.interval === undefined ? defaultInterval : Number(answer.interval) * 1000;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  if (!isText(deviceCode) || !isText(userCode) || !isText(verificationUri) || !(lifetime > 0) || !(interval >= 0)) {
    throw new OneDriveTokenError(
      'RESPONSE',
      'The provider answered the request for a device code with something else. Use the browser.',
    );
  }
  return { deviceCode, userCode, verificationUri, lifetime, interval, message: isText(message) ? message : undefined };
}
