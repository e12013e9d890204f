import { IncomingMessage } from 'node:http';
import type Provider from 'oidc-provider';
import { clientInfoOf } from '../accounts.ts';
import { discoveryPath, endpointPaths } from '../paths.ts';
import { toInnerScope, toResponseScope } from '../scopes.ts';
import type { MemoryStore } from './memory-store.ts';
import { describeError } from './microsoft-errors.ts';

type Middleware = Parameters<Provider['use']>[0];
type Context = Parameters<Middleware>[0];

export interface DialectSettings {
  /** The minimum seconds between two polls of the device flow. */
  readonly deviceInterval: number;
  /** Called with every code and token when it is issued. */
  readonly onIssued: (secret: string) => void;
  readonly store: MemoryStore;
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** On a busy machine a client's timer may fire a little early. */
const pollToleranceMs = 100;

/** Translates between the OAuth dialect of Microsoft, which clients speak, and that of oidc-provider. */
export function speakMicrosoftDialect(provider: Provider, settings: DialectSettings): Middleware {
  const raised = new WeakMap<object, unknown>();
  const remember = (ctx: object, error: unknown) => void raised.set(ctx, error);
  provider.on('grant.error', remember);
  provider.on('device_authorization.error', remember);
  provider.on('server_error', remember);
  const polls = new Map<string, number>();

  return async (ctx, next) => {
    const form: URLSearchParams | undefined = ctx.state.form;
    if (!form) {
      if (ctx.path === discoveryPath) return answerDiscovery(ctx, next);
      if (typeof ctx.query.scope === 'string') ctx.query = { ...ctx.query, scope: toInnerScope(ctx.query.scope) };
      return next();
    }
    if (pollsTooFast(polls, form, settings.deviceInterval)) raised.set(ctx, { error: 'slow_down' });
    else {
      replaceForm(ctx, toInnerForm(form, settings.store));
      await next();
    }
    if (raised.has(ctx)) {
      const { status, body } = describeError(ctx, raised.get(ctx));
      ctx.status = status;
      ctx.body = body;
      ctx.set('x-ms-request-id', body.trace_id);
    } else if (ctx.path === endpointPaths.token) {
      const body = ctx.body as TokenResponse;
      if (body.id_token) settings.onIssued(body.id_token);
      ctx.body = toTokenResponse(body, form, ctx.oidc?.account?.accountId);
    } else if (ctx.path === endpointPaths.device_authorization) {
      ctx.body = toDeviceResponse(ctx.body as DeviceResponse, settings.deviceInterval);
    }
  };
}

async function answerDiscovery(ctx: Context, next: () => Promise<unknown>): Promise<void> {
  ctx.url = '/.well-known/openid-configuration';
  await next();
  const {
    authorization_response_iss_parameter_supported: _,
    scopes_supported,
    ...configuration
  } = ctx.body as {
    authorization_response_iss_parameter_supported: boolean;
    scopes_supported: string[];
  };
  ctx.body = { ...configuration, scopes_supported: [...scopes_supported, 'offline_access'] };
}

interface TokenResponse {
  token_type: string;
  scope?: string;
  expires_in: number;
  access_token: string;
  refresh_token?: string;
  id_token?: string;
}

/** Adds the members that only Microsoft has, in Microsoft's order. */
function toTokenResponse(body: TokenResponse, form: URLSearchParams, accountId = ''): Record<string, unknown> {
  const { token_type, scope = '', expires_in, ...tokens } = body;
  return {
    token_type,
    scope: toResponseScope(scope, form.get('scope') ?? ''),
    expires_in,
    ext_expires_in: expires_in,
    ...tokens,
    ...(form.get('client_info') === '1' && { client_info: clientInfoOf(accountId) }),
  };
}

interface DeviceResponse {
  device_code: string;
  user_code: string;
  verification_uri: string;
  expires_in: number;
}

/** Microsoft has no `verification_uri_complete`, but a message for the user. */
function toDeviceResponse(body: DeviceResponse, interval: number): Record<string, unknown> {
  const { user_code, device_code, verification_uri, expires_in } = body;
  return {
    user_code,
    device_code,
    verification_uri,
    expires_in,
    interval,
    message: `To sign in, use a web browser to open the page ${verification_uri} and enter the code ${user_code} to authenticate.`,
  };
}

function pollsTooFast(polls: Map<string, number>, form: URLSearchParams, interval: number): boolean {
  const deviceCode = form.get('device_code');
  if (deviceCode === null) return false;
  const last = polls.get(deviceCode);
  polls.set(deviceCode, Date.now());
  return last !== undefined && Date.now() - last < interval * 1000 - pollToleranceMs;
}

function toInnerForm(form: URLSearchParams, store: MemoryStore): URLSearchParams {
  const inner = new URLSearchParams(form);
  const granted = store.grantedScope(form.get('refresh_token') ?? '');
  const scope = toInnerScope(form.get('scope') ?? '', granted);
  if (scope) inner.set('scope', scope);
  else inner.delete('scope');
  // Many clients still use Microsoft's older name of the grant.
  if (form.get('grant_type') === 'device_code') inner.set('grant_type', deviceGrant);
  return inner;
}

/** Gives the request an unread body. oidc-provider prints a warning if the body was read before. */
function replaceForm(ctx: Context, form: URLSearchParams): void {
  const body = form.toString();
  const request = new IncomingMessage(ctx.req.socket);
  request.method = ctx.req.method;
  request.url = ctx.req.url;
  request.headers = { ...ctx.req.headers, 'content-length': String(Buffer.byteLength(body)) };
  delete request.headers['transfer-encoding'];
  // Otherwise Node takes the end of this request for a lost client, and closes the connection.
  request.complete = true;
  request.push(body);
  request.push(null);
  ctx.req = request;
  ctx.request.req = request;
}
