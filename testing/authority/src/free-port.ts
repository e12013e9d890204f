import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A free port below the system's range of ephemeral ports, so that no other program gets it in the meantime. */
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
