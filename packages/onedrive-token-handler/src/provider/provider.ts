import type { TokenRecord, TokenResponse } from 'shared-token';
import { pause } from 'token-store-kit';
import { belongToDifferentAccounts } from '../id-token.ts';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import type { Settings } from '../options.ts';
import { scopesToAsk, splitScope } from '../scopes.ts';
import type { TokenEvent } from '../token-event.ts';
import { ConnectionError } from './connection-error.ts';
import type { HttpClient } from './http-client.ts';
import type { HttpAnswer } from './post-form.ts';
import { type ProviderStep, readErrorFields, toTokenError } from './provider-error.ts';

type JsonObject = Record<string, unknown>;

interface ProviderRequest {
  endpoint: 'token' | 'devicecode';
  step: ProviderStep;
  form: Record<string, string>;
  /** Aborts the request. Never set it for a code or a refresh token, which would be lost. */
  signal?: AbortSignal;
}

const maxAttempts = 3;
const firstDelayMs = 500;
const jitterMs = 250;
/** Fields of a form that no message may quote. */
const secretFields = ['code', 'code_verifier', 'refresh_token', 'device_code'];

export function endpointUrl(authority: string, endpoint: 'authorize' | 'token' | 'devicecode'): URL {
  return new URL(`${authority}/oauth2/v2.0/${endpoint}`);
}

/**
 * Sends requests to the endpoints of one authority: one deadline for each exchange, retries only if they do no harm, and the
 * handler's errors. What may live in this folder: requests to Microsoft and what their answers mean.
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

  /**
   * Sends one refresh request (RFC 6749 section 6). Only its own deadline ends it: an abort could lose its result. Throws
   * RESPONSE if the answer belongs to another account.
   */
  async refresh(record: TokenRecord & { refreshToken: string }): Promise<TokenResponse> {
    const { refreshToken, scope: granted, idToken } = record;
    const scope = scopesToAsk(this.#settings, splitScope(granted)).join(' ');
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, scope };
    const response = await this.requestTokens('refresh', form);
    if (!belongToDifferentAccounts(idToken, response.id_token)) return response;
    const problem = 'The provider answered with a token of another account. Nothing was stored';
    throw new OneDriveTokenError('RESPONSE', problem, { remedy: 'Sign in again' });
  }

  /**
   * Sends one token request. `asked`: the scopes that are granted if the answer has none (RFC 6749 section 5.1). Removes
   * an access token that is no Bearer token: then shared-token stores the refresh token of the answer, and throws RESPONSE.
   */
  async requestTokens(step: ProviderStep, form: Record<string, string>, asked?: string): Promise<TokenResponse> {
    const response = { ...(await this.post({ endpoint: 'token', step, form })) };
    const { token_type: tokenType, scope, id_token: idToken } = response;
    // Nothing may throw here: the token that was sent is spent, and its successor would be lost.
    if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer') delete response.access_token;
    if (typeof scope !== 'string' || scope === '') response.scope = asked;
    if (typeof idToken !== 'string') delete response.id_token;
    return response as unknown as TokenResponse;
  }

  /**
   * Posts a form and returns the JSON object of a successful answer. Throws OneDriveTokenError within `requestTimeout`, or the
   * signal's reason.
   *
   * Repeats the request if no connection was made. Repeats it after 429 or 5xx, too, unless it redeems an authorization code,
   * or polls: the next poll comes soon enough (RFC 8628 section 3.5).
   */
  async post(request: ProviderRequest): Promise<JsonObject> {
    const end = performance.now() + this.#settings.requestTimeout;
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(request, end - performance.now(), attempt > 1);
      if ('answer' in result) return result.answer;
      const { failure, repeatable } = result;
      const left = end - performance.now();
      const { retryAfter = firstDelayMs * 2 ** (attempt - 1) } = failure;
      const delay = retryAfter + jitterMs * Math.random();
      if (!repeatable || attempt === maxAttempts || delay >= left) throw failure;
      this.#emit({ type: 'retry', attempt, delay: Math.round(delay), reason: failure.message });
      await pause(delay, [request.signal]);
      // In a busy process, the pause may end late.
      if (performance.now() >= end) throw failure;
    }
  }

  async #attempt({ endpoint, step, form, signal }: ProviderRequest, timeout: number, isPatient: boolean) {
    const { authority, clientId } = this.#settings;
    const url = endpointUrl(authority, endpoint);
    const body = new URLSearchParams({ client_id: clientId, ...form });
    let answer: HttpAnswer;
    try {
      answer = await this.#http.postForm(url, body, { timeout, signal, isPatient });
    } catch (error) {
      if (error instanceof ConnectionError) return { failure: error, repeatable: error.beforeConnection };
      throw error;
    }
    const json = parseObject(answer.body);
    const secrets = secretFields.flatMap((field) => body.get(field) ?? []);
    const fields = typeof json?.error === 'string' ? readErrorFields(json, secrets) : undefined;
    if (answer.status === 200 && json && !fields) return { answer: json };
    if (answer.status === 429 || answer.status >= 500) {
      const repeatable = step !== 'code' && step !== 'device poll';
      return { failure: busyError(url, answer, fields, timeout), repeatable };
    }
    return { failure: fields ? toTokenError(fields, step) : noAnswerError(url, answer), repeatable: false };
  }
}

/** `left`: how many milliseconds the exchange has. If the server asks to wait longer, that is THROTTLED whatever its status. */
function busyError(
  url: URL,
  { status, retryAfter }: HttpAnswer,
  fields: ReturnType<typeof readErrorFields> | undefined,
  left: number,
): OneDriveTokenError {
  const { errorDescription: _, ...facts } = fields ?? {};
  const wait = retryAfter === undefined ? 'a few minutes' : `${Math.ceil(retryAfter / 1000)} s`;
  const isThrottled = status === 429 || (retryAfter ?? 0) > left;
  const [code, what, remedy] = isThrottled
    ? (['THROTTLED', 'asks to wait', `Try again in ${wait}`] as const)
    : (['SERVER', 'has problems', 'Try again later'] as const);
  return new OneDriveTokenError(code, `${url.host} ${what} (HTTP ${status})`, { ...facts, remedy, retryAfter });
}

/** For an answer with neither tokens nor an OAuth error. */
function noAnswerError({ host, pathname }: URL, { status }: HttpAnswer): OneDriveTokenError {
  if ([404, 405, 410].includes(status)) {
    const problem = `${host} has no ${pathname} (HTTP ${status}): the authority is wrong`;
    const remedy = 'For personal accounts it is https://login.microsoftonline.com/consumers';
    return new OneDriveTokenError('RESPONSE', problem, { remedy });
  }
  const problem = `${host} answered HTTP ${status} without tokens or an error: a captive portal or a proxy may have answered in its place`;
  const remedy = 'Check the authority and the network, then try again';
  return new OneDriveTokenError('RESPONSE', problem, { remedy, retryable: true });
}

/** Keeps no cause: the message of a SyntaxError quotes the body, which may hold tokens. */
function parseObject(body: string | undefined): JsonObject | undefined {
  try {
    // Ignores a byte order mark (RFC 8259 section 8.1): the token that was sent is spent, so the answer must not be lost.
    const value: unknown = JSON.parse((body ?? '').replace(/^\ufeff/, ''));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
