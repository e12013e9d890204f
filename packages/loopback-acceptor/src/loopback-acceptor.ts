import { AcceptorError } from './acceptor-error.ts';
import type { Settings } from './acceptor-options.ts';
import { AuthorizationError } from './answer/authorization-error.ts';
import { type AuthorizationResponse, type Expectation, readAnswer } from './answer/read-answer.ts';
import type { Connection, Request } from './http/connection.ts';
import { judgeHead, splitTarget, type Target } from './http/judge-head.ts';
import type { LoopbackServer } from './http/loopback-server.ts';
import type { RequestHead } from './http/request-head.ts';
import type { Acceptor } from './open-acceptor.ts';
import { describeRejection } from './page/describe-rejection.ts';
import { formatPage, type Outcome } from './page/format-page.ts';
import { Settlement } from './settlement.ts';

type Redeem = (response: AuthorizationResponse) => Promise<unknown>;

/** Milliseconds that the page waits for `accept()`, which says whether there is a redemption to wait for as well. */
const holdTime = 250;

/** From an open server to the outcome. Its private fields keep the secrets out of `console.log(acceptor)`. */
export class LoopbackAcceptor implements Acceptor {
  readonly port: number;
  readonly redirectUri: string;
  readonly #settings: Settings;
  readonly #server: LoopbackServer;
  readonly #expected: Expectation & Target;
  /** `ended`: the pages are out, and the sockets are going. */
  #phase: 'waiting' | 'answered' | 'ended' = 'waiting';
  /** Of the wait for the answer, then of the wait for `accept()`. */
  #timer: NodeJS.Timeout;
  #strays = 0;
  #answer: AuthorizationResponse | undefined;
  /** By `performance.now()`. */
  #answeredAt = 0;
  /** Browsers that wait to be told the outcome. More than one, where the person reloaded the page. */
  #pages: { connection: Connection; headers: RequestHead['headers'] }[] = [];
  /** Whether somebody called `accept()`, so that an outcome is given out and final. */
  #taken = false;
  #failure: { reason: unknown } | undefined;
  readonly #response = new Settlement<AuthorizationResponse>();
  #redeem: Redeem | undefined;
  #redeeming = false;
  readonly #redemption = new Settlement<unknown>();
  readonly #onAbort = (): void => this.#fail(this.#settings.signal?.reason);

  constructor(server: LoopbackServer, settings: Settings) {
    this.#server = server;
    this.#settings = settings;
    this.port = server.port;
    const { host, path, timeout, signal } = settings;
    const origin = new URL(`http://${host === '::1' ? '[::1]' : host}:${server.port}`);
    // As browsers write it: without the port where that is 80.
    this.redirectUri = path === '/' ? origin.origin : origin.origin + path;
    this.#expected = { ...settings, host: origin.host };
    const late = `No answer came within ${timeout} ms (option \`timeout\`)`;
    this.#timer = setTimeout(() => this.#fail(new AcceptorError('ACCEPTOR_TIMEOUT', late)), timeout);
    signal?.addEventListener('abort', this.#onAbort);
    server.handlers = {
      judgeHead: (head) => judgeHead(head, this.#expected),
      onRequest: (request, connection) => this.#receive(request, connection),
      onStray: () => this.#countStray(),
    };
  }

  accept(): Promise<AuthorizationResponse>;
  accept<T>(redeem: (response: AuthorizationResponse) => Promise<T>): Promise<T>;
  accept(redeem?: Redeem): Promise<unknown> {
    if (redeem !== undefined && typeof redeem !== 'function') {
      return Promise.reject(new TypeError(`\`redeem\` must be a function, got ${typeof redeem}`));
    }
    this.#taken = true;
    this.#redeem ??= redeem;
    if (this.#answer && !this.#failure) this.#proceed(this.#answer);
    // Closed or aborted while `redeem` ran, the response is no outcome any more.
    return redeem || this.#failure ? this.#redemption.promise : this.#response.promise;
  }

  close(): Promise<void> {
    this.#fail(new AcceptorError('ACCEPTOR_CLOSED', 'The acceptor was closed before the outcome was there'));
    return this.#server.hangUp();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receive({ head, body }: Request, connection: Connection): void {
    const encoded = head.method === 'POST' ? body : (splitTarget(head.target).query ?? '');
    const answer = readAnswer(encoded, this.#expected);
    if ('status' in answer) {
      connection.refuse(answer);
      this.#countStray();
      return;
    }
    this.#pages.push({ connection, headers: head.headers });
    if (this.#phase !== 'waiting') return;
    this.#phase = 'answered';
    clearTimeout(this.#timer);
    if (answer instanceof AuthorizationError) {
      const { error, errorDescription: description } = answer;
      this.#fail(answer, { outcome: 'denied', redeemed: false, error, ...(description && { description }) });
      return;
    }
    this.#answer = answer;
    this.#answeredAt = performance.now();
    if (this.#taken) this.#proceed(answer);
    else this.#timer = setTimeout(() => this.#acknowledge(), holdTime);
  }

  #countStray(): void {
    if (this.#phase !== 'waiting') return;
    this.#strays++;
    const { maxStrayRequests } = this.#settings;
    if (this.#strays <= maxStrayRequests) return;
    const message = `Request ${this.#strays} was not the answer, and \`maxStrayRequests\` allows ${maxStrayRequests} of those`;
    this.#fail(new AcceptorError('ACCEPTOR_STRAY_REQUEST', message));
  }

  /** There is an answer, and somebody to give it to. */
  #proceed(answer: AuthorizationResponse): void {
    if (this.#redeeming) return;
    if (this.#redeem) {
      this.#response.resolve(answer);
      void this.#run(this.#redeem, answer);
    } else {
      void this.#acknowledge().then(() => this.#response.resolve(answer));
    }
  }

  /** Ends the wait with an answer that is not redeemed here. How long its page was held counts towards the sockets' time. */
  #acknowledge(): Promise<void> {
    const since = Math.max(this.#answeredAt, performance.now() - holdTime);
    return this.#conclude({ outcome: 'accepted', redeemed: false }, since);
  }

  async #run(redeem: Redeem, answer: AuthorizationResponse): Promise<void> {
    this.#redeeming = true;
    clearTimeout(this.#timer);
    // It may have ended for the page already; now there is something to close or to abort again.
    this.#phase = 'answered';
    this.#settings.signal?.addEventListener('abort', this.#onAbort);
    let outcome: Outcome = { outcome: 'accepted', redeemed: true };
    let settle: () => void;
    try {
      const value = await redeem(answer);
      settle = () => this.#redemption.resolve(value);
    } catch (error) {
      outcome = describeRejection(error, answer);
      settle = () => this.#redemption.reject(error);
    }
    // Closed or aborted meanwhile: the page of that may still be on its way.
    if (this.#failure) return;
    await this.#conclude(outcome);
    settle();
  }

  /** Ends the wait with a rejection, unless an outcome was given out already. */
  #fail(reason: unknown, outcome: Outcome = describeRejection(reason, this.#answer)): void {
    if (this.#failure || (this.#phase === 'ended' && this.#taken)) return;
    this.#failure = { reason };
    void this.#conclude(outcome).then(() => {
      this.#response.reject(reason);
      this.#redemption.reject(reason);
    });
  }

  /**
   * Sends the pages and lets the sockets go. Resolves when the system has taken the pages, or their readers are gone. `since`:
   * when the sockets' time began, by `performance.now()`.
   */
  async #conclude(outcome: Outcome, since = performance.now()): Promise<void> {
    this.#phase = 'ended';
    clearTimeout(this.#timer);
    const { renderPage, signal } = this.#settings;
    // An answer that nobody has asked for yet can still be given up.
    if (this.#taken || this.#failure) signal?.removeEventListener('abort', this.#onAbort);
    const told = this.#pages.splice(0).map(({ connection, headers }) => {
      return connection.respond(formatPage(outcome, headers, renderPage));
    });
    void this.#server.hangUp(since);
    await Promise.all(told);
  }
}
