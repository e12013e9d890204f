import type { Acceptor } from './acceptor.ts';
import { type AcceptorOptions, resolveOptions } from './acceptor-options.ts';
import { LoopbackServer } from './http/loopback-server.ts';
import { LoopbackAcceptor } from './loopback-acceptor.ts';

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
  await server.listen(settings);
  if (settings.signal?.aborted) {
    await server.hangUp();
    throw settings.signal.reason;
  }
  return new LoopbackAcceptor(server, settings);
}
