import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { AcceptorError } from '../acceptor-error.ts';
import type { Settings } from '../acceptor-options.ts';

/** How many free ports to try, because a port that is free on the first address may be in use on the second one. */
const maxAttempts = 50;

/** The errors of an address that the machine does not have, for example because IPv6 is switched off. EINVAL is Deno's. */
const missingAddressCodes = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EINVAL'];

/** What the errors of a port mean. */
const portProblems: Record<string, string> = { EADDRINUSE: 'the port is in use', EACCES: 'the port is reserved' };

/** One server for each loopback address, all on the same port. */
type Bound = { servers: Server[]; port: number };

/**
 * Listens exclusively on the loopback addresses of `host`, on the same port. The addresses are literal, so that no name is
 * looked up and no other interface is used. If the machine lacks one of two addresses, that one is left out.
 *
 * @throws {AcceptorError} ACCEPTOR_LISTEN. Its message names address and port, and its `cause` is the system's error.
 */
export async function bindLoopback(
  { host, port }: Pick<Settings, 'host' | 'port'>,
  createServer: () => Server,
): Promise<Bound> {
  const addresses = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOnAll(addresses, port, createServer);
    } catch (error) {
      // The system chose the port for the first address. Another port may be free on both.
      if (port !== 0 || attempt === maxAttempts) throw error;
    }
  }
}

async function listenOnAll(addresses: string[], wanted: number, createServer: () => Server): Promise<Bound> {
  const servers: Server[] = [];
  let port = wanted;
  let missing: AcceptorError | undefined;
  for (const address of addresses) {
    const server = createServer();
    try {
      // Without `exclusive` the workers of node:cluster would share the port.
      server.listen({ host: address, port, exclusive: true });
      await once(server, 'listening');
      ({ port } = server.address() as AddressInfo);
      servers.push(server);
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException;
      const isMissing = missingAddressCodes.includes(code);
      const reason =
        portProblems[code] ?? (isMissing ? 'this machine does not have the address' : 'the system refused');
      const problem = `Cannot listen on ${address}, ${port === 0 ? 'any port' : `port ${port}`}: ${reason} (${code})`;
      const remedy = wanted !== 0 && portProblems[code] && { remedy: 'Leave out `port` to get a free one' };
      const error = new AcceptorError('ACCEPTOR_LISTEN', problem, { ...remedy, cause });
      if (!isMissing) {
        for (const other of servers) other.close();
        throw error;
      }
      missing = error;
    }
  }
  if (missing && servers.length === 0) throw missing;
  return { servers, port };
}
