import { generateKeyPair, randomBytes, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import Provider, { type Configuration, errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { accountById, consumerTenant } from './accounts.ts';
import { renderDeviceConfirmPage, renderDeviceDonePage, renderDeviceInputPage } from './device-pages.ts';
import { renderErrorPage } from './error-page.ts';
import type { MemoryStore } from './memory-adapter.ts';
import { endpointPaths, interactionPath } from './paths.ts';
import { sendByFormPost, sendByQuery } from './response-modes.ts';
import { apiScopes, graphResource, identityScopes, offlineScope } from './scopes.ts';

/** One registered app: a native public client, as the portal makes for "personal Microsoft accounts only". */
export interface RegisteredApp {
  readonly clientId: string;
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly requirePkce: boolean;
}

export interface ProviderSettings {
  readonly issuer: string;
  readonly apps: readonly RegisteredApp[];
  readonly store: MemoryStore;
  readonly rotateRefreshTokens: boolean;
  /** Seconds, asked at each issuance. */
  readonly accessTokenTtl: () => number;
  readonly deviceCodeTtl: number;
  /** Told of every code and token the moment it is made. */
  readonly onIssued: (secret: string) => void;
}

/** An oidc-provider with Microsoft's paths, claims, token shapes and pages. */
export async function createProvider(settings: ProviderSettings): Promise<Provider> {
  const provider = new MicrosoftProvider(settings.issuer, await configure(settings));
  mintAsMicrosoft(provider, settings.onIssued);
  return provider;
}

class MicrosoftProvider extends Provider {
  // Clients that go away in the middle are every day's business here; anything else is a defect of this package.
  override onerror(error: NodeJS.ErrnoException & { expose?: boolean }): void {
    if (error.expose || ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(error.code ?? '')) return;
    console.error(error);
  }

  // Called by Provider's constructor: the only way to have the built-in modes' names answered by other handlers.
  override registerResponseMode(...[name, handler]: Parameters<Provider['registerResponseMode']>): void {
    super.registerResponseMode(name, ownResponseModes[name] ?? handler);
  }
}

const ownResponseModes: Record<string, Parameters<Provider['registerResponseMode']>[1]> = {
  form_post: sendByFormPost,
  query: sendByQuery,
};

async function configure(settings: ProviderSettings): Promise<Configuration> {
  const { store, apps } = settings;
  const pkceFree = new Set(apps.filter((app) => !app.requirePkce).map((app) => app.clientId));
  return {
    adapter: (model) => store.adapter(model),
    clients: apps.map((app) => ({
      client_id: app.clientId,
      client_name: app.name,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: [...app.redirectUris],
    })),
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    routes: endpointPaths,
    scopes: [...identityScopes],
    claims: {
      openid: ['sub', 'ver', 'aio'],
      profile: ['name', 'preferred_username', 'oid', 'tid'],
      email: ['email'],
    },
    conformIdTokenClaims: false,
    findAccount: (_ctx, id) => findAccount(id),
    pkce: { required: (_ctx, client) => !pkceFree.has(client.clientId) },
    rotateRefreshToken: settings.rotateRefreshTokens,
    issueRefreshToken: (_ctx, _client, source) => source.scopes.has(offlineScope),
    expiresWithSession: () => false,
    loadExistingGrant: (ctx) => grantOfThisConsent(ctx),
    interactions: { policy: policy(), url: (_ctx, { uid }) => `${interactionPath}/${uid}` },
    ttl: {
      AccessToken: () => settings.accessTokenTtl(),
      AuthorizationCode: 600,
      DeviceCode: settings.deviceCodeTtl,
      IdToken: 3600,
      Interaction: 3600,
      // Microsoft: 90 days, sliding, because every rotation starts anew.
      RefreshToken: 90 * 86_400,
      Session: 86_400,
      Grant: 400 * 86_400,
    },
    features: {
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
        // Whatever is asked for is asked of Graph.
        defaultResource: () => graphResource,
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx) => ({
          audience: '00000003-0000-0000-c000-000000000000',
          accessTokenFormat: 'opaque',
          scope: apiScopes(requestedScopes(ctx)).join(' '),
        }),
      },
    },
    renderError: renderErrorPage,
    // The default answers by the redirect URIs, and prints a notice about that.
    clientBasedCORS: () => false,
    extraParams: {
      // What MSAL sends; the answer has to have it, too.
      client_info: () => undefined,
      scope: (_ctx, scope) => {
        if (!scope) throw new errors.InvalidRequest('missing required parameter scope');
      },
    },
    discovery: {
      tenant_region_scope: null,
      cloud_instance_name: 'microsoftonline.com',
      cloud_graph_host_name: 'graph.windows.net',
      msgraph_host: 'graph.microsoft.com',
    },
  };
}

/** Every scope exists, as far as the provider is concerned: those asked for now, or those granted before. */
function requestedScopes(ctx: KoaContextWithOIDC): Set<string> {
  const granted = ctx.oidc.entities.Grant?.getResourceScope(graphResource).split(' ') ?? [];
  return new Set([...ctx.oidc.requestParamScopes, ...granted].filter(Boolean));
}

/**
 * Each sign-in has a grant of its own, as at Microsoft: the revocation of one after reuse leaves the others alone.
 * (oidc-provider's default is one grant for a browser session.)
 */
async function grantOfThisConsent(ctx: KoaContextWithOIDC) {
  const grantId = ctx.oidc.result?.consent?.grantId;
  return grantId ? ctx.oidc.provider.Grant.find(grantId) : undefined;
}

function policy(): interactionPolicy.DefaultPolicy {
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

/** Gives codes and tokens the look of those of personal accounts: long, and with characters that need encoding in a form. */
function mintAsMicrosoft(provider: Provider, onIssued: (secret: string) => void): void {
  const opaque = (bytes: number): string => randomBytes(bytes).toString('base64');
  const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
  const mints: [model: object, mint: () => string][] = [
    [provider.AccessToken, () => `EwB4A8l6BAAU${opaque(768)}`],
    [provider.RefreshToken, () => `M.C5${hex(2)}_BL2.0.U.-${opaque(288).replaceAll('+', '!').replaceAll('/', '*')}$$`],
    [provider.AuthorizationCode, () => `M.C5${hex(2)}_BL2.2.U.${randomUUID()}`],
    [provider.DeviceCode, () => `DAQABIQEAAAB${randomBytes(96).toString('base64url')}`],
  ];
  for (const [model, mint] of mints) {
    // Not in the published types, but where oidc-provider's models make their value.
    const { prototype } = model as { prototype: { generateTokenId(): string } };
    const original = prototype.generateTokenId;
    prototype.generateTokenId = function () {
      original.call(this);
      const secret = mint();
      onIssued(secret);
      return secret;
    };
  }
}

/** One key pair for the process: making one takes longer than anything else here. */
let key: Promise<object> | undefined;
function signingKey(): Promise<object> {
  key ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 }).then(({ privateKey }) => ({
    ...privateKey.export({ format: 'jwk' }),
    kid: randomBytes(20).toString('base64url'),
    use: 'sig',
    alg: 'RS256',
  }));
  return key;
}
