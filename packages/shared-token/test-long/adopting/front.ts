import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, stop } from 'testing-authority/listen';
import { startStrictProvider } from '../providers/test-provider.ts';

/** As far away as a provider on the Internet. */
const latencyMs = 300;

/**
 * A provider that ends the sign-in when a refresh token is used twice, for tools that bring their own client id, and the part of their
 * APIs that says who is signed in. It is on loopback, and refuses to be a proxy, so that nothing of a tool leaves this machine.
 */
export class Front implements AsyncDisposable {
  url = '';
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #provider: Awaited<ReturnType<typeof startStrictProvider>>;
  readonly #accessTokens = new Set<string>();

  static async start(): Promise<Front> {
    const front = new Front(await startStrictProvider());
    front.url = `http://127.0.0.1:${await listen(front.#server)}`;
    return front;
  }

  private constructor(provider: Awaited<ReturnType<typeof startStrictProvider>>) {
    this.#provider = provider;
  }

  /** The refresh token of a person who has just signed in. */
  async signIn(): Promise<string> {
    const { refresh_token: refreshToken = '' } = await this.#provider.signIn();
    return refreshToken;
  }

  /** Whether the sign-in of this refresh token is alive. Spends the token. */
  async isAlive(refreshToken: string | undefined): Promise<boolean> {
    return (await this.#refresh(refreshToken ?? '')).status === 200;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#server);
    await this.#provider[Symbol.asyncDispose]();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const { pathname } = new URL(request.url ?? '', this.url);
    if (pathname === '/.well-known/openid-configuration') return answer(200, this.#discovery());
    if (pathname === '/token') {
      const form = new URLSearchParams(await text(request));
      const { status, body } = await this.#refresh(form.get('refresh_token') ?? '');
      await sleep(latencyMs);
      return answer(status, body);
    }
    const bearer = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!this.#accessTokens.has(bearer)) return answer(403, { success: false, error: { code: 'forbidden' } });
    const user = { id: 'ada', uid: 'ada', email: 'ada@example.com', username: 'ada' };
    answer(200, { success: true, user, result: user });
  }

  async #refresh(refreshToken: string): Promise<{ status: number; body: { access_token?: string } }> {
    const { tokenEndpoint, clientId, clientSecret = '' } = this.#provider.settings;
    const client = { client_id: clientId, client_secret: clientSecret };
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, ...client };
    const response = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(form) });
    const body = (await response.json()) as { access_token?: string };
    if (body.access_token) this.#accessTokens.add(body.access_token);
    return { status: response.status, body };
  }

  /** Of vercel, which compares the issuer. */
  #discovery(): Record<string, string> {
    const names = ['device_authorization', 'token', 'revocation', 'introspection'];
    const endpoints = names.map((name) => [`${name}_endpoint`, `${this.url}/${name}`]);
    return { issuer: 'https://vercel.com', jwks_uri: `${this.url}/jwks`, ...Object.fromEntries(endpoints) };
  }
}
