import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A free port below the range from which the system takes ports for other programs, so that none takes it meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000);
    try {
      for (const host of ['127.0.0.1', '::1']) {
        const server = createServer().listen({ port, host, exclusive: true });
        await once(server, 'listening');
        server.close();
        await once(server, 'close');
      }
      return port;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code)) return port;
    }
  }
}
