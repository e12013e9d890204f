import { randomUUID } from 'node:crypto';
import type Provider from 'oidc-provider';
import type { errors } from 'oidc-provider';
import { escapeHtml, renderPage } from '../sign-in/page.ts';
import { type StsError, stsErrors } from './sts-errors.ts';

/** The parts of a Koa context that an error depends on. */
export interface RequestContext {
  get(header: string): string;
  readonly state: { form?: URLSearchParams };
  readonly query: NodeJS.Dict<string | string[]>;
}

/** An error in the JSON of Microsoft's token endpoint. */
export interface MicrosoftError {
  error: string;
  error_description: string;
  error_codes: number[];
  timestamp: string;
  trace_id: string;
  correlation_id: string;
  error_uri: string;
  suberror?: string;
}

/** Microsoft's answer to an error that oidc-provider has raised. */
export function describeError(ctx: RequestContext, error: unknown): { status: number; body: MicrosoftError } {
  const parameter = (name: string): string => ctx.state.form?.get(name) ?? String(ctx.query[name] ?? '');
  const { error: name = 'server_error', error_detail, error_description } = error as Partial<errors.OIDCProviderError>;
  const raised = { name, detail: error_detail ?? '', text: error_description ?? '' };
  const { status = 400, code, text, ...found } = stsErrors.find(({ when }) => when(raised, parameter)) as StsError;
  const description = `AADSTS${code}: ${text(parameter, raised)}`;
  return { status, body: toMicrosoftError(ctx, { error: name, ...found, code, description }) };
}

/** Adds the time and the ids by which Microsoft finds the error in its logs. The client's `client-request-id` is the correlation id. */
export function toMicrosoftError(
  ctx: Pick<RequestContext, 'get'>,
  given: { error: string; code: number; description: string; suberror?: string | undefined },
): MicrosoftError {
  const { error, code, description, suberror } = given;
  const requested = ctx.get('client-request-id');
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const trace_id = randomUUID();
  const correlation_id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(requested) ? requested : randomUUID();
  return {
    error,
    error_description: `${description} Trace ID: ${trace_id} Correlation ID: ${correlation_id} Timestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id,
    correlation_id,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    ...(suberror !== undefined && { suberror }),
  };
}

/** The page for an error that must not go to an app: an unknown app, a wrong redirect URI, or an ended sign-in. */
export function renderErrorPage(ctx: RequestContext & { type: string; body: unknown }, _: unknown, error: Error): void {
  const { body } = describeError(ctx, error);
  ctx.type = 'html';
  ctx.body = renderPage(
    'Sorry, but we’re having trouble signing you in.',
    `<p role="alert">${escapeHtml(body.error_description)}</p>`,
  );
}

const otherTenant = /^\/(?!consumers\/)[^/]+\/oauth2\/v2\.0\/(authorize|token|devicecode)$/;

/** Refuses `/common` and other tenants: Microsoft serves apps for personal accounts under `/consumers` alone. */
export function refuseOtherTenants(): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    const [, endpoint] = otherTenant.exec(ctx.path) ?? [];
    if (!endpoint) return next();
    const error = Object.assign(new Error(), { error: 'invalid_request', error_detail: 'wrong tenant' });
    ctx.status = 400;
    if (endpoint === 'authorize') renderErrorPage(ctx, undefined, error);
    else ctx.body = describeError(ctx, error).body;
  };
}
