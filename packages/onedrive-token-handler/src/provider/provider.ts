import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenRecord, TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import type { Settings } from '../options.ts';
import { scopesToAsk, splitScope } from '../scopes.ts';
import type { TokenEvent } from '../token-event.ts';
import { ConnectionError } from './connection-error.ts';
import { endpointUrl } from './endpoint-url.ts';
import { type HttpAnswer, HttpClient } from './http-client.ts';
import { maxBodyMebibytes } from './http-transport.ts';
import { type ProviderErrorFields, type ProviderStep, removeSecrets, toTokenError } from './provider-error.ts';
import { readRefreshAnswer, readTokenAnswer } from './token-answer.ts';

export { HttpClient };

type JsonObject = Record<string, unknown>;

export interface ProviderRequest {
  endpoint: 'token' | 'devicecode';
  step: ProviderStep;
  form: Record<string, string>;
  /** Aborts the request. Never set it for a code or a refresh token, which would be lost. */
  signal?: AbortSignal;
}

/** A request with its retries. */
interface Exchange {
  readonly url: URL;
  readonly body: URLSearchParams;
  readonly step: ProviderStep;
  /** Aborts after `requestTimeout`. */
  readonly deadline: AbortSignal;
  readonly signal: AbortSignal | undefined;
}

type AttemptResult = { answer: JsonObject } | { failure: OneDriveTokenError; repeatable: boolean };

const maxAttempts = 3;
const firstDelayMs = 500;
const jitterMs = 250;
/** The server says that there is no such endpoint. */
const missingStatuses = new Set([404, 405, 410]);
/** Fields of a form that no message may quote. */
const secretFields = ['code', 'code_verifier', 'refresh_token', 'device_code'];

/**
 * Sends requests to the endpoints of one authority: one deadline for each exchange, retries only if they do no harm, errors
 * by their meaning. What may live in this folder: requests to Microsoft and what their answers mean.
 */
export class Provider {
  readonly #http: HttpClient;
  readonly #settings: Settings;
  readonly #emit: (event: TokenEvent) => void;

  constructor(http: HttpClient, settings: Settings, emit: (event: TokenEvent) => void) {
    this.#http = http;
    this.#settings = settings;
    this.#emit = emit;
  }

  /** Loads what a later request needs. */
  prepare(): void {
    this.#http.prepare(new URL(this.#settings.authority).protocol);
  }

  /** Sends one refresh request (RFC 6749 section 6). Only its own deadline ends it: an abort could lose its result. */
  async refresh(record: TokenRecord): Promise<TokenResponse> {
    const scope = scopesToAsk(this.#settings, splitScope(record.scope)).join(' ');
    const form = { grant_type: 'refresh_token', refresh_token: record.refreshToken, scope };
    return readRefreshAnswer(await this.post({ endpoint: 'token', step: 'refresh', form }), record);
  }

  /** Sends one token request for a code or a device code. */
  async requestTokens(step: ProviderStep, form: Record<string, string>): Promise<TokenResponse> {
    return readTokenAnswer(await this.post({ endpoint: 'token', step, form }));
  }

  /**
   * Posts a form and returns the JSON object of a successful answer. Throws OneDriveTokenError within `requestTimeout`, or the
   * signal's reason.
   *
   * Repeats it if no connection was made, and after 429 or 5xx unless it spends an authorization code.
   */
  async post({ endpoint, step, form, signal }: ProviderRequest): Promise<JsonObject> {
    const { clientId, requestTimeout } = this.#settings;
    const url = endpointUrl(this.#settings.authority, endpoint);
    const body = new URLSearchParams({ client_id: clientId, ...form });
    const exchange: Exchange = { url, body, step, deadline: AbortSignal.timeout(requestTimeout), signal };
    const end = performance.now() + requestTimeout;
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(exchange);
      if ('answer' in result) return result.answer;
      const { failure, repeatable } = result;
      const left = end - performance.now();
      const { retryAfter = firstDelayMs * 2 ** (attempt - 1) } = failure;
      const delay = retryAfter + jitterMs * Math.random();
      if (failure.retryAfter !== undefined && failure.retryAfter > left) throw asThrottled(failure);
      if (!repeatable || attempt === maxAttempts || delay >= left) throw failure;
      this.#emit({ type: 'retry', attempt, delay: Math.round(delay), reason: failure.message });
      await sleep(delay, undefined, { signal }).catch(() => {
        throw signal?.reason;
      });
    }
  }

  async #attempt(exchange: Exchange): Promise<AttemptResult> {
    const { url, body, step, deadline, signal } = exchange;
    let answer: HttpAnswer;
    try {
      answer = await this.#http.postForm(url, body, signal ? AbortSignal.any([deadline, signal]) : deadline);
    } catch (error) {
      if (error instanceof ConnectionError) return { failure: error, repeatable: error.beforeConnection };
      if (signal?.aborted) throw signal.reason;
      if (!deadline.aborted) throw error;
      const seconds = this.#settings.requestTimeout / 1000;
      const message = `No answer from ${this.#http.routeTo(url)} within ${seconds} s. Try again later.`;
      return { failure: new OneDriveTokenError('NETWORK', message), repeatable: false };
    }
    const json = parseObject(answer.body);
    if (answer.status === 200 && json && typeof json.error !== 'string') return { answer: json };
    const busy = answer.status === 429 || answer.status >= 500;
    return { failure: readFailure(exchange, answer, json), repeatable: busy && step !== 'code' };
  }
}

/** THROTTLED whatever the HTTP status: the wait asked for is longer than the time left. */
function asThrottled(failure: OneDriveTokenError): OneDriveTokenError {
  if (failure.code === 'THROTTLED') return failure;
  const { correlationId, traceId, errorCodes, error, retryAfter } = failure;
  const details = { correlationId, traceId, errorCodes, error, retryAfter };
  return new OneDriveTokenError('THROTTLED', failure.message, details);
}

function readFailure(
  { url, body: sent, step }: Exchange,
  { status, retryAfter, body }: HttpAnswer,
  json: JsonObject | undefined,
): OneDriveTokenError {
  const secrets = secretFields.flatMap((field) => sent.get(field) ?? []);
  const fields = json && readErrorFields(json, secrets);
  const { correlationId, traceId, errorCodes, error } = fields ?? {};
  const details = { correlationId, traceId, errorCodes, error, retryAfter };
  if (status === 429) {
    const wait = retryAfter === undefined ? 'a while' : `${Math.ceil(retryAfter / 1000)} s`;
    return new OneDriveTokenError('THROTTLED', `${url.host} asks to wait ${wait} (HTTP 429). Try again then.`, details);
  }
  if (status >= 500) {
    return new OneDriveTokenError('SERVER', `${url.host} has problems (HTTP ${status}). Try again later.`, details);
  }
  if (fields) return toTokenError(fields, step);
  if (missingStatuses.has(status)) {
    const message = `${url.host} has no ${url.pathname} (HTTP ${status}): the authority is wrong. For personal accounts it is https://login.microsoftonline.com/consumers.`;
    return new OneDriveTokenError('RESPONSE', message);
  }
  const what = describeBody(body, json);
  const message = `${url.host} answered HTTP ${status} with ${what}: a captive portal or a proxy may have answered in its place. Check the authority and the network, then try again.`;
  return new OneDriveTokenError('RESPONSE', message, { retryable: true });
}

function describeBody(body: string | undefined, json: JsonObject | undefined): string {
  if (body === undefined) return `more than ${maxBodyMebibytes} MiB`;
  return json ? 'JSON without an error' : 'no JSON object';
}

function readErrorFields(json: JsonObject, secrets: readonly string[]): ProviderErrorFields | undefined {
  if (typeof json.error !== 'string') return undefined;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const numbers = Array.isArray(json.error_codes) ? json.error_codes.filter((code) => typeof code === 'number') : [];
  const fields = {
    error: json.error,
    description: text(json.error_description),
    errorCodes: numbers.length > 0 ? numbers : undefined,
    correlationId: text(json.correlation_id),
    traceId: text(json.trace_id),
  };
  return removeSecrets(fields, secrets);
}

/** Keeps no cause: the message of a SyntaxError quotes the body, which may hold tokens. */
function parseObject(body: string | undefined): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
