import type Provider from 'oidc-provider';
import type { Authority } from '../authority.ts';
import { controlPath } from '../paths.ts';
import { readBytes } from '../request-body.ts';
import type { Endpoint, Fault, FaultOptions } from './faults.ts';

type Middleware = Parameters<Provider['use']>[0];

/** A fault as JSON. In place of the function that changes a response it has a merge patch (RFC 7396). */
type FaultInJson = Exclude<Fault, { type: 'response' | 'held' }> | { type: 'response'; patch: Record<string, unknown> };

type Order = FaultOptions & { endpoint: Endpoint; fault: FaultInJson; seconds: number };

/**
 * Lets another process do what the methods of `Authority` do. These requests are not counted.
 * GET: `/__control/requests`, `/__control/secrets`. POST with JSON: `/__control/fail` (`{endpoint, fault, times?, grantType?}`),
 * `/__control/ttl` (`{seconds}`). POST without a body: `/__control/revoke`, `/__control/expire`, `/__control/clear`.
 */
export function serveControl(authority: Authority): Middleware {
  const actions: Record<string, (order: Order) => unknown> = {
    'GET requests': () => authority.requests,
    'GET secrets': () => [...authority.issuedSecrets],
    'POST fail': ({ endpoint, fault, ...options }) => authority.fail(endpoint, toFault(fault), options),
    'POST ttl': ({ seconds }) => {
      authority.accessTokenTtl = seconds;
    },
    'POST revoke': () => authority.revokeAll(),
    'POST expire': () => authority.expireAccessTokens(),
    'POST clear': () => authority.clearFaults(),
  };
  return async (ctx, next) => {
    if (!ctx.path.startsWith(`${controlPath}/`)) return next();
    const action = actions[`${ctx.method} ${ctx.path.slice(controlPath.length + 1)}`];
    if (!action) return;
    try {
      const body = (await readBytes(ctx.req)).toString();
      ctx.body = (await action(body ? JSON.parse(body) : {})) ?? { done: true };
    } catch (error) {
      ctx.status = 400;
      ctx.body = { error: String(error) };
    }
  };
}

function toFault(fault: FaultInJson): Fault {
  if (fault.type !== 'response') return fault;
  return { type: 'response', change: (body) => mergePatch(body, fault.patch) };
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
