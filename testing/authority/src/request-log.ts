import type Provider from 'oidc-provider';
import type { Endpoint } from './faults.ts';
import { readForm } from './form-body.ts';
import { contentPath, endpointPaths, graphPath } from './paths.ts';

/** One request as it was served. Nothing secret is in here. */
export interface ServedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly endpoint?: Endpoint;
  readonly grantType?: string;
  /** Undefined while it is under way, and for ever where the connection was cut or nothing was answered. */
  status?: number;
  /** Epoch milliseconds of its arrival. */
  readonly at: number;
}

/** Counts every request before anything else happens to it, and reads the form of those that fault and error handling look into. */
export function logRequests(log: ServedRequest[]): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    const endpoint = endpointOf(ctx.path);
    const at = Date.now();
    if (ctx.method === 'POST' && (endpoint === 'token' || endpoint === 'devicecode')) {
      ctx.state.form = await readForm(ctx.req);
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
  // Not the pages on the way back from signing in: oidc-provider serves them below the same path.
  if (path === endpointPaths.authorization) return 'authorize';
  if (path.startsWith(`${contentPath}/`)) return 'content';
  return path.startsWith(`${graphPath}/`) ? 'graph' : undefined;
}
