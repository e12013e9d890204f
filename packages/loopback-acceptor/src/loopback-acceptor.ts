// `AsyncDisposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import { AcceptorError } from './acceptor-error.ts';
import { type AcceptorOptions, resolveOptions, type Settings } from './acceptor-options.ts';
import {
  AuthorizationError,
  type AuthorizationResponse,
  type ExpectedRedirect,
  readAnswer,
} from './answer/read-answer.ts';
import { readPastedAnswer } from './answer/read-redirect-url.ts';
import type { Connection, Request } from './http/connection.ts';
import { judgeHead } from './http/judge-head.ts';
import { LoopbackServer } from './http/loopback-server.ts';
import { refusal } from './http/message.ts';
import { describeRejection, makePage, type Outcome } from './make-page.ts';

/** Waits for one authorization response. Made by `openAcceptor`. Listens until the answer has come or `close()` is called. */
export interface Acceptor extends AsyncDisposable {
  /** The port on which it listens. */
  readonly port: number;
  /**
   * The `redirect_uri` of the authorization and the token request: `http://localhost:49152`, followed by the path if that is not
   * `/`. Send it without any change.
   */
  readonly redirectUri: string;
  /** True until an answer comes or something else ends the wait. */
  readonly isWaiting: boolean;
  /**
   * Waits for the answer. Every call has the same outcome, and an answer that came earlier is kept for the first call. The
   * browser's page appears with the answer and says that the program continues.
   *
   * A rejection that the caller does not await is not an unhandled rejection.
   *
   * @throws {AuthorizationError} if the provider answered with an error.
   * @throws {AcceptorError} ACCEPTOR_TIMEOUT, ACCEPTOR_CLOSED or ACCEPTOR_STRAY_REQUEST.
   * @throws the signal's reason if it was aborted.
   */
  accept(): Promise<AuthorizationResponse>;
  /**
   * As above, but also redeems the code, while the browser waits for its page. The page shows success if `redeem`
   * resolves, and failure if it rejects. This promise resolves and rejects as `redeem` does. Only the first `redeem` runs,
   * and later calls share its outcome. If the acceptor is closed or aborted while `redeem` runs, this promise rejects at
   * once, and the later result of `redeem` changes nothing.
   *
   * Call it before the browser opens. If the answer comes first, the page waits 100 ms for this call and then appears
   * without the result of `redeem`.
   */
  accept<T>(redeem: (response: AuthorizationResponse) => Promise<T>): Promise<T>;
  /**
   * Takes the answer from the address at which a browser on another computer ended, by the rules of `readRedirectUrl`. The
   * provider's error is an answer too: then `accept()` rejects. Does nothing if the wait is over.
   *
   * @throws {RedirectUrlError} if the text is not the answer. The wait goes on, and this does not count as a stray request.
   * @throws {TypeError} if `address` is not a string.
   */
  deliver(address: string): void;
  /**
   * Stops waiting. If there is no outcome yet, `accept()` rejects with ACCEPTOR_CLOSED. Resolves when every socket is gone,
   * within 500 ms, whatever the clients do. May be called at any time and more than once.
   */
  close(): Promise<void>;
}

/**
 * How far the acceptor is. Each step leads to a phase further down, never back:
 *
 *     waiting ──▶ answered, failed
 *     answered ──▶ given, redeeming, failed
 *     given ──▶ redeeming
 *     redeeming ──▶ redeemed, failed
 *
 * - `answered`: the answer is here, but the caller has not called `accept()` yet.
 * - `given`: `accept()` without `redeem` has the answer. After that, only `accept(redeem)` changes the phase.
 * - `redeemed`: `redeem` has resolved or rejected.
 * - `failed`: timeout, `close()`, an abort, too many stray requests, or the provider's error came first.
 */
type Phase = 'waiting' | 'answered' | 'given' | 'redeeming' | 'redeemed' | 'failed';

/** In these phases the outcome is final: `close()` and an abort do not change it. */
const finalPhases: readonly Phase[] = ['given', 'redeemed', 'failed'];

type Redeem = (response: AuthorizationResponse) => Promise<unknown>;

/** How long the page waits for `accept()`. Only that call tells whether the page has to wait for `redeem` too. */
const holdTimeMs = 100;

/**
 * Listens on the loopback interface for the one authorization response of the browser (RFC 8252 section 7.3). Open the
 * acceptor first, then send the browser to the provider.
 *
 * @throws {TypeError} or {RangeError} naming the option that cannot be used.
 * @throws {AcceptorError} ACCEPTOR_LISTEN if the port is in use or the machine lacks the address.
 * @throws the signal's reason if it was aborted before the acceptor was open.
 */
export async function openAcceptor(options: AcceptorOptions): Promise<Acceptor> {
  const settings = resolveOptions(options);
  if (settings.signal?.aborted) throw settings.signal.reason;
  const server = new LoopbackServer();
  const port = await server.listen(settings);
  if (settings.signal?.aborted) {
    void server.hangUp();
    throw settings.signal.reason;
  }
  return new LoopbackAcceptor(server, { ...settings, port });
}

/** Goes through the phases above with an open server. The fields are private so that `console.log(acceptor)` shows no secret. */
class LoopbackAcceptor implements Acceptor {
  readonly port: number;
  readonly redirectUri: string;
  readonly #settings: Settings;
  readonly #server: LoopbackServer;
  readonly #expected: ExpectedRedirect;
  readonly #response = Promise.withResolvers<AuthorizationResponse>();
  readonly #redemption = Promise.withResolvers<unknown>();
  readonly #onAbort = (): void => this.#fail(this.#settings.signal?.reason);
  #phase: Phase = 'waiting';
  #strays = 0;
  /** Set when `accept()` is called. */
  #isAsked = false;
  /** Set by the first `accept(redeem)`. */
  #redeem: Redeem | undefined;
  /** Set when the phase becomes `answered`. */
  #answer: AuthorizationResponse | undefined;
  /** Browsers that wait for their page. More than one if the person reloads it. */
  readonly #readers: Connection[] = [];
  /** Set when the pages are sent. Resolves when the system has taken them, or their readers are gone. */
  #told: Promise<unknown> | undefined;
  /** Limits the phase `waiting`. In the phase `answered`, shows the page after the hold time. */
  #timer: NodeJS.Timeout;

  constructor(server: LoopbackServer, settings: Settings) {
    this.#server = server;
    this.#settings = settings;
    const { state, issuer, port, path, timeout, signal } = settings;
    this.port = port;
    // As browsers write it: without the port if that is 80.
    const { origin, host } = new URL(`http://${settings.host === '::1' ? '[::1]' : settings.host}:${port}`);
    this.redirectUri = path === '/' ? origin : origin + path;
    this.#expected = { state, issuer, redirectUri: this.redirectUri };
    // A rejection that the caller does not await must not end the process.
    for (const { promise } of [this.#response, this.#redemption]) promise.catch(() => {});
    const late = `No answer came within ${timeout / 1_000} s (option \`timeout\`)`;
    this.#timer = setTimeout(() => this.#fail(new AcceptorError('ACCEPTOR_TIMEOUT', late)), timeout);
    signal?.addEventListener('abort', this.#onAbort);
    server.handlers = {
      judgeHead: (head) => judgeHead(head, { host, path }),
      onRequest: (request, connection) => this.#receive(request, connection),
      onStray: () => this.#countStray(),
    };
  }

  get isWaiting(): boolean {
    return this.#phase === 'waiting';
  }

  accept(): Promise<AuthorizationResponse>;
  accept<T>(redeem: (response: AuthorizationResponse) => Promise<T>): Promise<T>;
  accept(redeem?: Redeem): Promise<unknown> {
    this.#isAsked = true;
    this.#redeem ??= redeem;
    this.#give();
    // After a failure, later calls reject, even if an earlier `accept()` got the response before `redeem` ran.
    return redeem || this.#phase === 'failed' ? this.#redemption.promise : this.#response.promise;
  }

  deliver(address: string): void {
    if (this.isWaiting) this.#take(readPastedAnswer(address, this.#expected));
  }

  close(): Promise<void> {
    this.#fail(new AcceptorError('ACCEPTOR_CLOSED', 'The acceptor was closed before the sign-in was complete'));
    return this.#server.hangUp();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    clearTimeout(this.#timer);
    const { signal } = this.#settings;
    if (finalPhases.includes(phase)) signal?.removeEventListener('abort', this.#onAbort);
    else signal?.addEventListener('abort', this.#onAbort);
  }

  #receive(request: Request, connection: Connection): void {
    // `judgeHead` has compared the path, so the rest of the target is the query.
    const query = request.target.slice(this.#settings.path.length + 1);
    const answer = readAnswer(request.method === 'POST' ? request.body : query, this.#expected);
    if (typeof answer === 'string') {
      connection.refuse(refusal('400 Bad Request', `This is not the answer: ${answer}.`));
      this.#countStray();
      return;
    }
    this.#readers.push(connection);
    // If the wait is over, the person has reloaded the page, which gets the same outcome.
    if (this.isWaiting) this.#take(answer);
  }

  #take(answer: AuthorizationResponse | AuthorizationError): void {
    if (answer instanceof AuthorizationError) {
      const { error, errorDescription: description } = answer;
      this.#fail(answer, { outcome: 'denied', redeemed: false, error, ...(description && { description }) });
      return;
    }
    this.#answer = answer;
    this.#enter('answered');
    this.#timer = setTimeout(() => this.#tell(), holdTimeMs);
    this.#give();
  }

  #countStray(): void {
    if (!this.isWaiting) return;
    this.#strays++;
    const { maxStrayRequests } = this.#settings;
    if (this.#strays <= maxStrayRequests) return;
    const message = `Request ${this.#strays} was not the answer, and \`maxStrayRequests\` allows ${maxStrayRequests} such requests`;
    this.#fail(new AcceptorError('ACCEPTOR_STRAY_REQUEST', message));
  }

  /** Gives the answer to `redeem` or to the caller, as soon as there is an answer and `accept()` was called. */
  #give(): void {
    const response = this.#answer;
    if (!response || !this.#isAsked) return;
    if (this.#redeem && (this.#phase === 'answered' || this.#phase === 'given')) {
      this.#response.resolve(response);
      void this.#run(this.#redeem, response);
    } else if (this.#phase === 'answered') {
      this.#enter('given');
      void this.#tell().then(() => this.#response.resolve(response));
    }
  }

  async #run(redeem: Redeem, response: AuthorizationResponse): Promise<void> {
    this.#enter('redeeming');
    let outcome: Outcome = { outcome: 'accepted', redeemed: true };
    let settle: () => void;
    try {
      const value = await redeem(response);
      settle = () => this.#redemption.resolve(value);
    } catch (error) {
      outcome = describeRejection(error, response);
      settle = () => this.#redemption.reject(error);
    }
    // The acceptor failed meanwhile: that failure is the outcome, even if its page is still on its way.
    if (this.#phase !== 'redeeming') return;
    this.#enter('redeemed');
    await this.#tell(outcome);
    settle();
  }

  #fail(reason: unknown, outcome: Outcome = describeRejection(reason, this.#answer)): void {
    if (finalPhases.includes(this.#phase)) return;
    this.#enter('failed');
    void this.#tell(outcome).then(() => {
      this.#response.reject(reason);
      this.#redemption.reject(reason);
    });
  }

  /** Sends the pages and closes the sockets. Later calls only wait for the first one. */
  #tell(outcome: Outcome = { outcome: 'accepted', redeemed: false }): Promise<unknown> {
    if (this.#told) return this.#told;
    const pages = this.#readers.map((reader) => reader.respond(makePage(outcome, this.#settings.renderPage)));
    void this.#server.hangUp();
    this.#told = Promise.all(pages);
    return this.#told;
  }
}
