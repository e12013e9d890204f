import { text } from 'node:stream/consumers';
import type Provider from 'oidc-provider';
import { contentPath, endpointPaths, graphPath } from '../paths.ts';
import type { Endpoint } from './faults.ts';

/** One request as it was served. It contains no secret. */
export interface ServedRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly endpoint?: Endpoint;
  readonly grantType?: string;
  /** Undefined before the answer. It stays undefined if the connection was closed or nothing was answered. */
  status?: number;
  /** When it arrived, in epoch milliseconds. */
  readonly at: number;
}

/** Logs every request first, and reads the forms that the faults and the errors need. */
export function logRequests(log: ServedRequest[]): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    const endpoint = endpointOf(ctx.path);
    const at = Date.now();
    if (ctx.method === 'POST' && (endpoint === 'token' || endpoint === 'devicecode')) {
      ctx.state.form = new URLSearchParams(await text(ctx.req));
    }
    const grantType: string | null | undefined = ctx.state.form?.get('grant_type');
    const entry: ServedRequest = {
      method: ctx.method,
      path: ctx.path,
      ...(endpoint && { endpoint }),
      ...(grantType && { grantType }),
      at,
    };
    ctx.state.endpoint = endpoint;
    ctx.state.grantType = grantType ?? undefined;
    log.push(entry);
    await next();
    if (ctx.respond !== false) entry.status = ctx.status;
  };
}

function endpointOf(path: string): Endpoint | undefined {
  if (path === endpointPaths.token) return 'token';
  if (path === endpointPaths.device_authorization) return 'devicecode';
  // Compare the whole path: below it, oidc-provider serves the return from the sign-in pages.
  if (path === endpointPaths.authorization) return 'authorize';
  if (path.startsWith(`${contentPath}/`)) return 'content';
  return path.startsWith(`${graphPath}/`) ? 'graph' : undefined;
}
