import { once } from 'node:events';
import type { Server } from 'node:net';
import { AcceptorError } from '../acceptor-error.ts';
import type { Settings } from '../acceptor-options.ts';

/** How many free ports to try, because a port that is free on the first address may be in use on the second one. */
const maxAttempts = 50;

/** The errors of an address that the machine does not have, for example because IPv6 is switched off. EINVAL is Deno's. */
const missingAddressCodes = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EINVAL']);

/** One server for each loopback address, all on the same port. */
export interface Bound<S extends Server> {
  servers: S[];
  port: number;
}

/**
 * Listens exclusively on the loopback addresses of `host`, on the same port. The addresses are literal, so that no name is
 * looked up and no other interface is used. If the machine lacks one of two addresses, that one is left out.
 *
 * @throws {AcceptorError} ACCEPTOR_LISTEN. Its message names address and port, and its `cause` is the system's error.
 */
export async function bindLoopback<S extends Server>(
  { host, port }: Pick<Settings, 'host' | 'port'>,
  createServer: () => S,
): Promise<Bound<S>> {
  const addresses = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  for (let attempt = 1; ; attempt++) {
    const result = await listenOnAll(addresses, port, createServer);
    if ('servers' in result) return result;
    // The system chose the port for the first address. Another port may be free on both.
    const mayRetry = port === 0 && result.port !== 0 && attempt < maxAttempts;
    if (!mayRetry) throw toAcceptorError(result);
  }
}

/** The address that could not be used, and why. */
interface Failure {
  address: string;
  port: number;
  cause: NodeJS.ErrnoException;
}

async function listenOnAll<S extends Server>(
  addresses: string[],
  wanted: number,
  createServer: () => S,
): Promise<Bound<S> | Failure> {
  const servers: S[] = [];
  let port = wanted;
  let failure: Failure | undefined;
  for (const address of addresses) {
    const server = createServer();
    try {
      port = await listen(server, address, port);
      servers.push(server);
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      failure = { address, port, cause };
      if (missingAddressCodes.has(cause.code ?? '')) continue;
      await Promise.all(servers.map((other) => new Promise((resolve) => other.close(resolve))));
      return failure;
    }
  }
  return failure && servers.length === 0 ? failure : { servers, port };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  // Without `exclusive` the workers of node:cluster would share the port.
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function toAcceptorError({ address, port, cause }: Failure): AcceptorError {
  const place = port === 0 ? `${address}, any port` : `${address}, port ${port}`;
  const advice = advise(cause.code);
  const message = `Cannot listen on ${place}: ${cause.code}${advice === undefined ? '' : ` (${advice})`}`;
  return new AcceptorError('ACCEPTOR_LISTEN', message, { cause });
}

function advise(code = ''): string | undefined {
  if (code === 'EADDRINUSE') return 'the port is in use; leave out `port` to get a free one';
  if (code === 'EACCES') return 'the port is reserved; leave out `port` to get a free one';
  return missingAddressCodes.has(code) ? 'this machine does not have the address' : undefined;
}
