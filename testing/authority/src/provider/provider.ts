import { randomBytes } from 'node:crypto';
import type Provider from 'oidc-provider';
import type {
  ClientMetadata,
  Configuration,
  interactionPolicy as InteractionPolicy,
  KoaContextWithOIDC,
} from 'oidc-provider';
import { accountById, consumerTenant } from '../accounts.ts';
import { endpointPaths, interactionPath } from '../paths.ts';
import { apiScopes, graphResource, identityScopes, offlineScope } from '../scopes.ts';
import { renderDeviceConfirmPage, renderDeviceDonePage, renderDeviceInputPage } from '../sign-in/device-pages.ts';
import type { MemoryStore } from './memory-store.ts';
import { renderErrorPage } from './microsoft-errors.ts';
import { mintAsMicrosoft } from './mint-as-microsoft.ts';
import { errors, interactionPolicy, OidcProviderClass } from './oidc-provider.ts';
import { sendByFormPost, sendByQuery } from './response-modes.ts';
import { signingKey } from './signing-key.ts';

/** A registered app: a native public client, as Microsoft's portal makes it for "personal Microsoft accounts only". */
export interface RegisteredApp {
  readonly clientId: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly withoutPkce?: boolean;
}

export interface ProviderSettings {
  readonly issuer: string;
  readonly apps: readonly RegisteredApp[];
  readonly store: MemoryStore;
  /** The lifetime in seconds. Called for each token that is issued. */
  readonly accessTokenTtl: () => number;
  /** Called with every code and token when it is issued. */
  readonly onIssued: (secret: string) => void;
}

/** An oidc-provider with Microsoft's paths, claims, token shapes and pages. */
export async function createProvider(settings: ProviderSettings): Promise<Provider> {
  const provider = new MicrosoftProvider(settings.issuer, await configure(settings));
  mintAsMicrosoft(provider, settings.onIssued);
  return provider;
}

class MicrosoftProvider extends OidcProviderClass {
  // Tests often disconnect a client in the middle of a request. Any other error is a defect of this package.
  override onerror(error: NodeJS.ErrnoException & { expose?: boolean }): void {
    if (error.expose || ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(error.code ?? '')) return;
    console.error(error);
  }

  // Provider's constructor calls this method. Only here can the built-in modes be replaced.
  override registerResponseMode(...[name, handler]: Parameters<Provider['registerResponseMode']>): void {
    super.registerResponseMode(name, ownResponseModes[name] ?? handler);
  }
}

const day = 86_400;

const ownResponseModes: Record<string, Parameters<Provider['registerResponseMode']>[1]> = {
  form_post: sendByFormPost,
  query: sendByQuery,
};

async function configure(settings: ProviderSettings): Promise<Configuration> {
  const { store, apps } = settings;
  return {
    adapter: (model) => store.adapter(model),
    clients: apps.map(toClient),
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    routes: endpointPaths,
    scopes: [...identityScopes],
    claims: {
      openid: ['sub', 'ver', 'aio'],
      profile: ['name', 'preferred_username', 'oid', 'tid'],
      email: ['email'],
    },
    findAccount: (_ctx, id) => findAccount(id),
    pkce: { required: (_ctx, { clientId }) => !apps.some((app) => app.withoutPkce && app.clientId === clientId) },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, _client, source) => source.scopes.has(offlineScope),
    // An app's tokens must outlive the browser session, which another user may take over.
    expiresWithSession: () => false,
    interactions: { policy: policy(), url: (_ctx, { uid }) => `${interactionPath}/${uid}` },
    ttl: {
      AccessToken: () => settings.accessTokenTtl(),
      AuthorizationCode: 600,
      DeviceCode: 900,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 90 * day,
      Session: day,
      // Longer than any refresh token, so that only a revocation ends a grant.
      Grant: 400 * day,
    },
    features: features(),
    renderError: renderErrorPage,
    // The default reads the redirect URIs, and prints a notice about that.
    clientBasedCORS: () => false,
    extraParams: {
      // MSAL sends this parameter, and expects `client_info` in the answer.
      client_info: () => undefined,
      scope: (_ctx, scope) => {
        if (!scope) throw new errors.InvalidRequest('missing required parameter scope');
      },
    },
  };
}

function toClient({ clientId, clientSecret, name, redirectUris }: RegisteredApp): ClientMetadata {
  return {
    client_id: clientId,
    client_name: name,
    application_type: 'native',
    token_endpoint_auth_method: clientSecret === undefined ? 'none' : 'client_secret_post',
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    redirect_uris: [...redirectUris],
  };
}

function features(): Configuration['features'] {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    deviceFlow: {
      enabled: true,
      charset: 'base-20',
      mask: '********',
      userCodeInputSource: renderDeviceInputPage,
      userCodeConfirmSource: renderDeviceConfirmPage,
      successSource: renderDeviceDonePage,
    },
    resourceIndicators: {
      enabled: true,
      // Every scope belongs to Graph.
      defaultResource: () => graphResource,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx) => ({
        audience: '00000003-0000-0000-c000-000000000000',
        accessTokenFormat: 'opaque',
        scope: apiScopes(requestedScopes(ctx)).join(' '),
      }),
    },
  };
}

/** The existing scopes of Graph: those of the present request, and those granted before. */
function requestedScopes(ctx: KoaContextWithOIDC): Set<string> {
  const granted = ctx.oidc.entities.Grant?.getResourceScope(graphResource).split(' ') ?? [];
  return new Set([...ctx.oidc.requestParamScopes, ...granted].filter(Boolean));
}

function policy(): InteractionPolicy.DefaultPolicy {
  const prompts = interactionPolicy.base();
  prompts.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 1);
  return prompts;
}

function findAccount(id: string) {
  const account = accountById(id);
  if (!account) return undefined;
  const { username, name, oid } = account;
  return {
    accountId: id,
    claims: () => ({
      sub: id,
      ver: '2.0',
      aio: randomBytes(48).toString('base64'),
      name,
      oid,
      preferred_username: username,
      email: username,
      tid: consumerTenant,
    }),
  };
}
