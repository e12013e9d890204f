// `AsyncDisposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import type { AuthorizationResponse } from './answer/read-answer.ts';

/** Waits for one authorization response. `openAcceptor` makes it. It listens until it has the answer or is closed. */
export interface Acceptor extends AsyncDisposable {
  /** The port on which it listens. */
  readonly port: number;
  /**
   * The `redirect_uri` of both requests: `http://localhost:49152`, followed by the path if that is not `/`. Send it exactly as
   * it is here.
   */
  readonly redirectUri: string;
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
   * As above, but also redeems the code, while the browser waits for its page. The page tells of success if `redeem`
   * resolves, and of failure if it rejects. This promise resolves and rejects as `redeem` does. Only the first `redeem` runs,
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
