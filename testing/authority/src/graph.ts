import { randomUUID } from 'node:crypto';
import type Provider from 'oidc-provider';
import { accountById } from './accounts.ts';
import type { MemoryStore } from './memory-adapter.ts';
import { graphPath } from './paths.ts';

type Middleware = Parameters<Provider['use']>[0];

/** A small Microsoft Graph: answers to access tokens that this provider issued and that have not expired. */
export function serveGraph(store: MemoryStore): Middleware {
  return async (ctx, next) => {
    if (ctx.state.endpoint !== 'graph') return next();
    const requestId = randomUUID();
    ctx.set('request-id', requestId);
    const [, token] = /^Bearer +(\S+)$/i.exec(ctx.get('authorization')) ?? [];
    const account = accountById(store.accessToken(token ?? '')?.accountId ?? '');
    if (!account) {
      ctx.status = 401;
      ctx.set('www-authenticate', 'Bearer realm="", authorization_uri="", error="invalid_token"');
      ctx.body = {
        error: {
          code: 'InvalidAuthenticationToken',
          message: 'Access token is empty.',
          innerError: { 'request-id': requestId },
        },
      };
      return;
    }
    if (ctx.path === `${graphPath}/me`)
      ctx.body = { displayName: account.name, userPrincipalName: account.username, id: account.oid };
    else ctx.status = 404;
  };
}
