import { AsyncLocalStorage } from 'node:async_hooks';
import { type GetTokenOptions, SharedToken } from 'shared-token';
import type { Challenge } from './mcp-sdk.ts';
import { isPrivate, type McpFetchOptions, readOptions, type Settings } from './options.ts';
import { refreshAtIssuer, refusalOf } from './refresh.ts';
import { signInByBrowser } from './sign-in.ts';
import { coversScopes, unionOf } from './sign-in-data.ts';

/**
 * Makes a `fetch` for the transports of `@modelcontextprotocol/sdk` 1.x and `@modelcontextprotocol/client` 2.x. Give the transport no
 * `authProvider`. All processes with one store share one sign-in at `serverUrl`. Close `shared` when the program ends.
 * Throws TypeError or RangeError, naming the option that cannot be used.
 */
export function createMcpFetch(options: McpFetchOptions): {
  /** For the transport. */
  fetch: typeof globalThis.fetch;
  /** Gives `fetch` its token. */
  shared: SharedToken;
} {
  const access = new McpAccess(readOptions(options));
  return { fetch: (input, init) => access.fetch(input, init), shared: access.shared };
}

/** What a request needs while it waits for a token. */
interface Need {
  /** The scopes to ask a person for, if a person has to be asked. */
  readonly scope: string | undefined;
  /** If false, the request takes only a token for which the person was asked for this scope. */
  takesAny: boolean;
}

class McpAccess {
  readonly shared: SharedToken;
  readonly #settings: Settings;
  /** The last challenge of the server. */
  #challenge: Challenge = {};
  readonly #needs = new Set<Need>();
  /** The need of the current call. A call without a need takes the present token, even while a person is asked for more scopes. */
  readonly #need = new AsyncLocalStorage<Need>();

  constructor(settings: Settings) {
    this.#settings = settings;
    const { name, store, clientInformation, interactive, onEvent } = settings;
    this.shared = new SharedToken({
      ...{ name, store, interactive, onEvent },
      clientId: clientInformation?.client_id,
      refresh: (record, { signal }) => refreshAtIssuer(settings, record, signal),
      signIn: async (context) => {
        const needs = [...this.#needs];
        const scope = unionOf(this.#challenge.scope, ...needs.map((need) => need.scope));
        const tokens = await signInByBrowser(settings, context, { ...this.#challenge, scope });
        // Even if the answer covers less. Otherwise, these requests would ask again and again.
        for (const need of needs) need.takesAny = true;
        return tokens;
      },
      needsSignIn: (error) => refusalOf(error) !== undefined,
      describeRefusal: (error) => String(refusalOf(error)),
      accepts: (record) => {
        // The record is of a given client, which this program does not have. Its refresh would be refused, or even end the sign-in.
        if (!clientInformation && record.clientId !== undefined && !record.data?.client) return false;
        const need = this.#need.getStore();
        return !need || need.takesAny || coversScopes(record, need.scope);
      },
    });
  }

  async fetch(input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> {
    const { sdk, fetch, serverUrl, maxStepUps } = this.#settings;
    const request = typeof input === 'object' && 'url' in input ? input : undefined;
    const { origin } = new URL(request?.url ?? (input as string | URL));
    const headers = new Headers(init.headers ?? request?.headers);
    if (origin !== serverUrl.origin || headers.has('authorization')) return fetch(input, init);
    const signal = init.signal ?? request?.signal;
    let token = await this.#currentToken(signal);
    for (const left: Record<number, number> = { 401: 1, 403: maxStepUps }; ; ) {
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
      const response = await fetch(input, { ...init, headers });
      const tries = left[response.status] ?? 0;
      // A redirect may have led to another origin, without the token.
      if (tries === 0 || (response.url !== '' && new URL(response.url).origin !== origin)) return response;
      const challenge = sdk.extractWWWAuthenticateParams(response);
      const { scope, resourceMetadataUrl: named } = challenge;
      // Whoever could change what is there would choose the authorization server, which may get the secret of a given client.
      const resourceMetadataUrl = named && isPrivate(named) ? named : this.#challenge.resourceMetadataUrl;
      const isStepUp = response.status === 403;
      if (isStepUp && challenge.error !== 'insufficient_scope') return response;
      left[response.status] = tries - 1;
      // Requests that wait for a sign-in keep their own scopes. The metadata address is kept only here, so it must not get lost.
      this.#challenge = { scope, resourceMetadataUrl };
      if (isStepUp && (await this.#wasAsked(scope, token))) return response;
      token = await this.#obtain(token, signal, { scope, takesAny: !isStepUp });
      // A body that is a stream, or of a Request, can be read only once.
      if (token === undefined || Symbol.asyncIterator in Object(init.body ?? request?.body)) return response;
      // An error here means that the answer broke off, which no longer matters.
      void response.body?.cancel().catch(() => {});
    }
  }

  /** The token without asking a person or waiting for one. */
  async #currentToken(signal: AbortSignal | undefined): Promise<string | undefined> {
    const held = await this.shared.getToken({ interactive: false, signal }).catch(toNoToken);
    // The server may still accept a token that this program would no longer use.
    return (held ?? (await this.shared.read()))?.accessToken;
  }

  /** Whether the person was already asked for the scopes of a 403. Then the token has all that was granted. */
  async #wasAsked(scope: string | undefined, token: string | undefined): Promise<boolean> {
    const record = await this.shared.read();
    return record !== undefined && record.accessToken === token && coversScopes(record, scope);
  }

  /** Another token than the rejected one. Undefined if that would need a person, who may not be asked. */
  async #obtain(
    rejected: string | undefined,
    signal: AbortSignal | undefined,
    need: Need,
  ): Promise<string | undefined> {
    const held = this.#need.run(need, () => this.shared.peek()?.accessToken);
    // Another request has brought this token while the answer to this request was under way.
    if (held !== undefined && held !== rejected) return held;
    // A token that lacks a scope is still good for other requests.
    const forceRefresh = rejected !== undefined && need.takesAny;
    const getToken = (options: GetTokenOptions) => this.#need.run(need, () => this.shared.getToken(options));
    this.#needs.add(need);
    // This call goes on if the request is aborted, because the next request can use the person's sign-in.
    const work = getToken({ forceRefresh });
    work.catch(() => {}).finally(() => this.#needs.delete(need));
    return (await getToken({ forceRefresh, signal }).catch(toNoToken))?.accessToken;
  }
}

/** Undefined for SIGN_IN_REQUIRED. Every other error is thrown again. */
function toNoToken(error: unknown): undefined {
  if ((Object(error) as { code?: unknown }).code !== 'SIGN_IN_REQUIRED') throw error;
}
