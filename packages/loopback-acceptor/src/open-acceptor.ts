// `AsyncDisposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import type { AcceptorOptions } from './acceptor-options.ts';
import { resolveOptions } from './acceptor-options.ts';
import type { AuthorizationResponse } from './answer/read-answer.ts';
import { LoopbackServer } from './http/loopback-server.ts';
import { LoopbackAcceptor } from './loopback-acceptor.ts';

/** Waits for one authorization response. Made by `openAcceptor`; listens until it has it, or until it is closed. */
export interface Acceptor extends AsyncDisposable {
  /** The port that is listened on. */
  readonly port: number;
  /**
   * What goes to the provider as `redirect_uri`, byte for byte, in the authorization request and in the token request:
   * `http://localhost:49152`, with the path where that is not `/`.
   */
  readonly redirectUri: string;
  /**
   * Waits for the answer. Every call returns the same outcome, and an answer that came earlier is kept for the first.
   * The browser's page appears with the answer and says that the program goes on.
   *
   * Nobody has to await the promise for its rejection to be harmless.
   *
   * @throws {AuthorizationError} where the provider answered with an error.
   * @throws {AcceptorError} ACCEPTOR_TIMEOUT, ACCEPTOR_CLOSED or ACCEPTOR_STRAY_REQUEST.
   * @throws the signal's reason where it was aborted.
   */
  accept(): Promise<AuthorizationResponse>;
  /**
   * As above, and then redeems the code while the browser's page waits: a page of success where `redeem` resolves, of
   * failure where it rejects. Resolves and rejects as `redeem` does. The first `redeem` runs, later ones share its end.
   * Closed or aborted meanwhile, it rejects at once, and the end of `redeem` changes nothing any more.
   *
   * Call it before the browser opens, or at least without awaiting anything in between: the page of an answer that
   * nobody waits for appears after 250 ms.
   */
  accept<T>(redeem: (response: AuthorizationResponse) => Promise<T>): Promise<T>;
  /**
   * Stops waiting, where the outcome is not there yet: `accept()` rejects with ACCEPTOR_CLOSED. Resolves when every
   * socket is gone, within 500 ms whatever the clients do. May be called at any time, as often as you like.
   */
  close(): Promise<void>;
}

/**
 * Listens on the loopback interface for the one authorization response of the browser (RFC 8252 section 7.3). Open it
 * first, then send the browser to the provider.
 *
 * @throws {TypeError} or {RangeError} naming the option that cannot be used.
 * @throws {AcceptorError} ACCEPTOR_LISTEN where the port is taken or the address missing.
 * @throws the signal's reason where it was aborted before the acceptor was open.
 */
export async function openAcceptor(options: AcceptorOptions): Promise<Acceptor> {
  const settings = resolveOptions(options);
  if (settings.signal?.aborted) throw settings.signal.reason;
  const server = new LoopbackServer();
  await server.listen(settings);
  if (settings.signal?.aborted) {
    await server.hangUp();
    throw settings.signal.reason;
  }
  return new LoopbackAcceptor(server, settings);
}
