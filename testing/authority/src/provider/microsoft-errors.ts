import { randomUUID } from 'node:crypto';
import type { errors } from 'oidc-provider';
import { type StsError, stsErrors } from './sts-errors.ts';

/** The parts of a Koa context that an error depends on. */
export interface RequestContext {
  get(header: string): string;
  readonly path: string;
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

/** What Microsoft says about an error, on a page or in JSON. */
export interface DescribedError {
  status: number;
  error: string;
  code: number;
  /** One line that begins with `AADSTS` and the number. */
  description: string;
  suberror?: string | undefined;
  timestamp: string;
  traceId: string;
  correlationId: string;
}

const descriptions = new WeakMap<object, DescribedError>();

/** What Microsoft would say about an error that oidc-provider has raised. The same request gets the same answer. */
export function describeError(ctx: RequestContext, error: unknown): DescribedError {
  const known = descriptions.get(ctx);
  if (known) return known;
  const parameter = (name: string): string => ctx.state.form?.get(name) ?? String(ctx.query[name] ?? '');
  const { error: name = 'server_error', error_detail, error_description } = error as Partial<errors.OIDCProviderError>;
  const raised = { name, detail: error_detail ?? '', text: error_description ?? '' };
  const found = stsErrors.find(({ when }) => when(raised, parameter)) as StsError;
  const described: DescribedError = {
    status: found.status ?? 400,
    error: found.error ?? name,
    code: found.code,
    description: `AADSTS${found.code}: ${found.text(parameter, raised)}`,
    suberror: found.suberror,
    ...stampOf(ctx),
  };
  descriptions.set(ctx, described);
  return described;
}

/** The JSON of the token endpoint. */
export function toMicrosoftError(described: DescribedError): MicrosoftError {
  const { error, code, description, suberror, timestamp, traceId, correlationId } = described;
  return {
    error,
    error_description: `${description} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    ...(suberror === undefined ? {} : { suberror }),
  };
}

/** The time and the ids of an error, by which Microsoft finds it in its logs. The client's `client-request-id` is the correlation id. */
export function stampOf(ctx: Pick<RequestContext, 'get'>): {
  timestamp: string;
  traceId: string;
  correlationId: string;
} {
  const requested = ctx.get('client-request-id');
  return {
    timestamp: `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`,
    traceId: randomUUID(),
    correlationId: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(requested) ? requested : randomUUID(),
  };
}
