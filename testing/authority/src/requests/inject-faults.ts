import { setTimeout as delay } from 'node:timers/promises';
import type Provider from 'oidc-provider';
import { answerGraphError } from '../graph/graph-error.ts';
import { toMicrosoftError } from '../provider/microsoft-errors.ts';
import type { Fault, FaultQueue } from './faults.ts';

type Middleware = Parameters<Provider['use']>[0];
type Context = Parameters<Middleware>[0];

/** Applies the pending fault, if a request has one. */
export function injectFaults(faults: FaultQueue): Middleware {
  return async (ctx, next) => {
    const fault = ctx.state.endpoint && faults.take(ctx.state.endpoint, ctx.state.grantType);
    await (fault ? apply(fault, ctx, next) : next());
  };
}

async function apply(fault: Fault, ctx: Context, next: () => Promise<unknown>): Promise<void> {
  switch (fault.type) {
    case 'status':
      return answerStatus(fault, ctx);
    case 'oauth':
      return answerError(fault, ctx);
    case 'slow':
      await delay(fault.ms, undefined, { ref: false });
      await next();
      return;
    case 'held':
      await fault.until;
      await next();
      return;
    case 'hang':
      ctx.respond = false;
      return;
    case 'stall':
      ctx.respond = false;
      ctx.res.writeHead(200, { 'content-type': 'application/json' }).write('{"token_type":"Bearer",');
      return;
    case 'drop':
      if (fault.when === 'after') await next();
      ctx.respond = false;
      // Node cannot reset a TLS connection, so this closes it in the middle of the exchange.
      if (ctx.secure) ctx.req.socket.destroy();
      else ctx.req.socket.resetAndDestroy();
      return;
    case 'response':
      await next();
      ctx.body = fault.change(ctx.body as Record<string, unknown>);
      return;
  }
}

function answerStatus(fault: Extract<Fault, { type: 'status' }>, ctx: Context): void {
  const ofGraph = ctx.state.endpoint === 'graph' || ctx.state.endpoint === 'content';
  if (ofGraph && fault.body === undefined) answerGraphError(ctx, fault.status);
  else {
    ctx.status = fault.status;
    ctx.body = fault.body ?? '';
    ctx.type = fault.contentType ?? 'text/html; charset=utf-8';
  }
  if (fault.retryAfter !== undefined) ctx.set('retry-after', fault.retryAfter);
  ctx.set(fault.headers ?? {});
}

function answerError(fault: Extract<Fault, { type: 'oauth' }>, ctx: Context): void {
  const [code = 90033] = fault.errorCodes ?? [];
  ctx.status = fault.status ?? 400;
  ctx.body = {
    ...toMicrosoftError(ctx, {
      error: fault.error,
      code,
      description: fault.description ?? `AADSTS${code}: A fault that a test has asked for.`,
      suberror: fault.suberror,
    }),
    error_codes: fault.errorCodes ?? [code],
  };
}
