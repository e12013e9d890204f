import { IncomingMessage } from 'node:http';
import type Provider from 'oidc-provider';
import { describeError, toMicrosoftError } from './microsoft-errors.ts';
import { discoveryPath, endpointPaths } from './paths.ts';
import { apiScopes, offlineScope, toInnerScope } from './scopes.ts';

type Middleware = Parameters<Provider['use']>[0];
type Context = Parameters<Middleware>[0];

/** Translates between Microsoft's dialect of OAuth outside and oidc-provider's inside. */
export function speakMicrosoft(
  provider: Provider,
  settings: { deviceInterval: number; onIssued: (secret: string) => void },
): Middleware {
  const raised = new WeakMap<object, unknown>();
  const remember = (ctx: object, error: unknown) => void raised.set(ctx, error);
  provider.on('grant.error', remember);
  provider.on('device_authorization.error', remember);
  provider.on('server_error', remember);
  return async (ctx, next) => {
    if (ctx.path === discoveryPath) ctx.url = '/.well-known/openid-configuration';
    else translateScope(ctx);
    await next();
    const error = raised.get(ctx);
    if (!(ctx.state.form instanceof URLSearchParams)) return;
    if (error) {
      const described = describeError(ctx, error);
      ctx.status = described.status;
      ctx.body = toMicrosoftError(described);
    } else if (ctx.path === endpointPaths.token) {
      ctx.body = tokenResponse(ctx.body as TokenResponse);
      settings.onIssued((ctx.body as TokenResponse).id_token ?? (ctx.body as TokenResponse).access_token);
    } else if (ctx.path === endpointPaths.device_authorization) {
      ctx.body = deviceResponse(ctx.body as DeviceResponse, settings.deviceInterval);
    }
  };
}

interface TokenResponse {
  token_type: string;
  scope?: string;
  expires_in: number;
  access_token: string;
  refresh_token?: string;
  id_token?: string;
}

/** Microsoft's order and additions; its `scope` names what the access token is good for. */
function tokenResponse(body: TokenResponse): Record<string, unknown> {
  const { token_type, scope = '', expires_in, ...tokens } = body;
  return {
    token_type,
    scope: apiScopes(scope.split(' '))
      .filter((name) => name && name !== offlineScope)
      .join(' '),
    expires_in,
    ext_expires_in: expires_in,
    ...tokens,
  };
}

interface DeviceResponse {
  device_code: string;
  user_code: string;
  verification_uri: string;
  expires_in: number;
}

/** Microsoft offers no `verification_uri_complete`, but a sentence to show. */
function deviceResponse(body: DeviceResponse, interval: number): Record<string, unknown> {
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

function translateScope(ctx: Context): void {
  const form: URLSearchParams | undefined = ctx.state.form;
  if (form) {
    const scope = form.get('scope');
    const inner = new URLSearchParams(form);
    if (scope !== null) inner.set('scope', toInnerScope(scope));
    ctx.req = requestWithBody(ctx.req, inner.toString());
    ctx.request.req = ctx.req;
  } else if (typeof ctx.query.scope === 'string') {
    ctx.query = { ...ctx.query, scope: toInnerScope(ctx.query.scope) };
  }
}

/** The same request with a body that nobody has read: oidc-provider reads it itself, and warns where somebody was faster. */
function requestWithBody(original: IncomingMessage, body: string): IncomingMessage {
  const request = new IncomingMessage(original.socket);
  request.method = original.method;
  request.url = original.url;
  request.headers = { ...original.headers, 'content-length': String(Buffer.byteLength(body)) };
  delete request.headers['transfer-encoding'];
  // Otherwise Node takes its end for the client's hanging up, and closes the connection.
  request.complete = true;
  request.push(body);
  request.push(null);
  return request;
}
