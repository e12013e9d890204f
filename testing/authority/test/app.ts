import { createHash, randomBytes } from 'node:crypto';
import { type Authority, type SignInAsOptions, signInAs } from '../src/index.ts';
import { openLoopback } from './loopback.ts';

/** An answer of the authority, as it came. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at every answer.
  readonly json: any;
}

/** An app that sends its requests itself. A library could hide a mistake of the authority. */
export class App {
  readonly #authority: Authority;
  readonly clientId: string;

  constructor(authority: Authority, clientId = authority.clientId) {
    this.#authority = authority;
    this.clientId = clientId;
  }

  /** An authorization URL with PKCE. `extra` replaces and adds parameters, and removes those that are undefined. */
  authorizationUrl(
    redirectUri: string,
    extra: Record<string, string | undefined> = {},
  ): { url: string; verifier: string } {
    const verifier = randomBytes(32).toString('base64url');
    const params: Record<string, string | undefined> = {
      client_id: this.clientId,
      response_type: 'code',
      response_mode: 'query',
      redirect_uri: redirectUri,
      scope: 'Files.ReadWrite.All offline_access',
      state: 'the-state',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...extra,
    };
    const url = new URL(`${this.#authority.url}/oauth2/v2.0/authorize`);
    for (const [name, value] of Object.entries(params)) if (value !== undefined) url.searchParams.set(name, value);
    return { url: url.href, verifier };
  }

  /** Posts a form to the token endpoint. */
  async token(form: Record<string, string>, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(`${this.#authority.url}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: this.clientId, ...form }),
      headers,
      signal: AbortSignal.timeout(20_000),
    });
    return toReply(response);
  }

  /** Signs in and consents with the scripted browser, and returns the code. */
  async code(extra: Record<string, string | undefined> = {}, person: SignInAsOptions = {}) {
    await using loopback = await openLoopback();
    const { url, verifier } = this.authorizationUrl(loopback.redirectUri, extra);
    await signInAs(url, person);
    const { params } = await loopback.answer();
    return { code: params.get('code') ?? '', code_verifier: verifier, redirect_uri: loopback.redirectUri };
  }

  /** Signs in and redeems the code. */
  async signIn(extra: Record<string, string | undefined> = {}, person: SignInAsOptions = {}): Promise<Reply> {
    return this.token({ grant_type: 'authorization_code', ...(await this.code(extra, person)) });
  }

  refresh(refresh_token: string, extra: Record<string, string> = {}): Promise<Reply> {
    return this.token({ grant_type: 'refresh_token', refresh_token, ...extra });
  }

  /** Sends a request to Graph, with an access token if one is given. */
  async graph(path: string, accessToken?: string, init: RequestInit = {}): Promise<Reply> {
    const headers = { ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }), ...init.headers };
    const url = path.startsWith('http') ? path : this.#authority.graphUrl + path;
    return toReply(await fetch(url, { signal: AbortSignal.timeout(20_000), redirect: 'manual', ...init, headers }));
  }
}

async function toReply(response: Response): Promise<Reply> {
  const text = await response.text();
  const isJson = /^application\/([\w-]+\+)?json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text };
}
