import { createHash, randomBytes } from 'node:crypto';
import type { Settings } from '../../settings/settings.ts';
import { Failure } from '../../terminal/failure.ts';
import type { Check } from './check.ts';
import { ask, type Fetch, refuseTrouble, trimmed } from './network.ts';

const redirectUri = 'http://localhost';
/** OpenID Connect Core section 3.1.2.6: the provider knows the app, and would have to ask the person. */
const knownErrors = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];
/** Microsoft's page and RFC 6749: it does not know the app. */
const unknownErrors = /AADSTS700016|unauthorized_client|invalid_client/;

/**
 * Whether the provider knows the client id. It is asked to sign in without showing a page (`prompt=none`), which it refuses
 * because no user is signed in, or because it does not know the app. No code and no token comes of that.
 */
export function checkClientId(
  settings: Settings,
  readToken: () => Promise<{ authority: string; clientId: string | undefined }>,
  fetch: Fetch,
): Check {
  return {
    name: 'client-id',
    // Unless the command line says it, the database does.
    needs: ['authority', ...(settings.clientId === undefined ? ['encryption'] : [])],
    async run() {
      const { authority, clientId: id } = await readToken();
      if (id === undefined) {
        throw new Failure('no client id is known', { remedy: 'Run: onedrive-token login --client-id ID' });
      }
      const url = authorizationUrl(authority, id);
      const { status, location, body } = await ask(url, fetch);
      const error = URL.parse(location)?.searchParams.get('error') ?? '';
      if (location.startsWith(redirectUri) && knownErrors.includes(error)) return `the provider knows ${id}`;
      if (unknownErrors.test(error + body)) {
        const remedy = 'Check the Application (client) ID, then run: onedrive-token login --client-id ID';
        throw new Failure(`the provider does not know the client id ${id}`, { remedy });
      }
      refuseTrouble({ url, status });
      return `${id}; this provider tells only a browser whether it knows it`;
    },
  };
}

function authorizationUrl(authority: string, clientId: string): URL {
  const url = new URL(`${trimmed(authority)}/oauth2/v2.0/authorize`);
  url.search = String(
    new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      response_mode: 'query',
      scope: 'openid',
      prompt: 'none',
      state: randomBytes(16).toString('base64url'),
      code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
      code_challenge_method: 'S256',
    }),
  );
  return url;
}
