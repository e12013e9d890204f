import { createServer, type Server } from 'node:http';

/** What a request did, in the order in which they came. */
export type ProviderEvent = 'sign-in' | 'refresh' | 'reuse' | 'refused';

/** One refresh that was granted. */
export interface Spending {
  /** What it sent as its client id. */
  readonly sender: string;
  /** By `performance.now()`. */
  readonly at: number;
}

/** An OAuth provider that rotates refresh tokens and revokes the sign-in when one is used twice (RFC 9700 section 4.14.2). */
export class StrictProvider implements AsyncDisposable {
  readonly url: string;
  readonly events: ProviderEvent[] = [];
  /** How long access tokens are valid, in seconds. */
  expiresIn = 3_600;
  /** By refresh token of this sign-in: who spent it, and when. */
  readonly spentBy = new Map<string, Spending>();
  /** Called with each reuse: who sent the token, and how it was spent before. */
  onReuse: (sender: string, first: Spending) => void = () => {};
  /** Called with each request after it was judged, and before it is answered. */
  beforeAnswer: () => Promise<unknown> = async () => {};
  readonly #server: Server;
  #valid: string | undefined;
  #issued = 0;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { status, answer } = this.#judge(new URLSearchParams(body));
      await this.beforeAnswer();
      response
        .writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' })
        .end(JSON.stringify(answer));
    });
  }

  static async start(address = '127.0.0.1'): Promise<StrictProvider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return new StrictProvider(server, `http://${address}:${(server.address() as { port: number }).port}/token`);
  }

  count(event: ProviderEvent): number {
    return this.events.filter((each) => each === event).length;
  }

  /** The refresh token of a new sign-in. What belonged to the one before is refused from now on, and harms this one no more. */
  signIn(): string {
    this.spentBy.clear();
    return this.#issue('sign-in').refresh_token;
  }

  /** False after a reuse, until the next sign-in. */
  get isSignedIn(): boolean {
    return this.#valid !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #judge(body: URLSearchParams): { status: number; answer: object } {
    if (body.get('grant_type') === 'authorization_code') return { status: 200, answer: this.#issue('sign-in') };
    const refreshToken = body.get('refresh_token') ?? '';
    const sender = body.get('client_id') ?? '';
    if (refreshToken === this.#valid) {
      this.spentBy.set(refreshToken, { sender, at: performance.now() });
      return { status: 200, answer: this.#issue('refresh') };
    }
    const spending = this.spentBy.get(refreshToken);
    const isReuse = spending !== undefined && this.isSignedIn;
    this.events.push(isReuse ? 'reuse' : 'refused');
    if (isReuse) {
      this.onReuse(sender, spending);
      this.#valid = undefined;
    }
    return { status: 400, answer: { error: 'invalid_grant' } };
  }

  #issue(event: ProviderEvent): { access_token: string; refresh_token: string; expires_in: number } {
    this.events.push(event);
    this.#issued++;
    this.#valid = `refresh-token-${this.#issued}`;
    return { access_token: `access-token-${this.#issued}`, refresh_token: this.#valid, expires_in: this.expiresIn };
  }
}
