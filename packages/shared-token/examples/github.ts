import { setTimeout as sleep } from 'node:timers/promises';
import { SharedToken, type SignInContext, type TokenResponse, type TokenStore } from 'shared-token';

export interface GitHubOptions {
  clientId: string;
  store: TokenStore;
  /** Tells the person to open `url` and to type `code` there. */
  showCode: (url: string, code: string) => unknown;
  /** Default `https://github.com`. */
  origin?: string;
}

/**
 * The user token of a GitHub App, which signs in by the device flow. Such a token expires after 8 hours unless the app
 * has opted out. A refresh ends the old refresh token and the old access token: after 401 of the API, call
 * `getToken({ forceRefresh: true })`.
 */
export function openGitHub({ clientId, store, showCode, origin = 'https://github.com' }: GitHubOptions): SharedToken {
  const tokenUrl = `${origin}/login/oauth/access_token`;
  return new SharedToken({
    store,
    name: 'github',
    clientId,
    authority: origin,
    // Tokens that did not come by the device flow need the app's `client_secret` as well.
    refresh({ refreshToken }, { signal }) {
      const form = { client_id: clientId, grant_type: 'refresh_token', refresh_token: refreshToken };
      return post<TokenResponse>(tokenUrl, form, signal);
    },
    needsSignIn,
    describeRefusal: () => 'bad_refresh_token',
    async signIn({ signal }: SignInContext) {
      const device = await post<DeviceCode>(`${origin}/login/device/code`, { client_id: clientId }, signal);
      await showCode(device.verification_uri, device.user_code);
      const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
      const form = { client_id: clientId, device_code: device.device_code, grant_type };
      for (let seconds = device.interval; ; ) {
        await sleep(seconds * 1000, undefined, { signal });
        try {
          return await post<TokenResponse>(tokenUrl, form, signal);
        } catch (error) {
          signal.throwIfAborted();
          // Without an answer, the person may still be at it: RFC 8628 section 3.5.
          const answer = error instanceof GitHubError ? error.error : 'authorization_pending';
          if (answer === 'slow_down') seconds += 5;
          else if (answer !== 'authorization_pending') throw error;
        }
      }
    },
    // As long as a device code is valid.
    signInTimeout: 900_000,
  });
}

const needsSignIn = (error: unknown): boolean => (Object(error) as { error?: unknown }).error === 'bad_refresh_token';

interface DeviceCode {
  device_code: string;
  user_code: string;
  verification_uri: string;
  /** Seconds between two requests. */
  interval: number;
}

class GitHubError extends Error {
  override readonly name = 'GitHubError';
  readonly error: string;

  constructor(error: string) {
    super(`GitHub answered ${error}`);
    this.error = error;
  }
}

async function post<Answer>(url: string, form: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  const init = { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams(form), signal };
  const response = await fetch(url, init);
  const answer = (await response.json()) as Answer & { error?: string };
  // An error has status 200 as often as not.
  if (answer.error !== undefined || !response.ok) throw new GitHubError(answer.error ?? String(response.status));
  return answer;
}
