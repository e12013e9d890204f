import net from 'node:net';
import { within } from 'testing-authority/within';

/** Opens connections, each of which has sent `bytes` and waits. With `stays`, also when the other side has ended. */
export function connectAll(port: number, count: number, bytes: string, stays = false): Promise<net.Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    return new Promise<net.Socket>((resolve, reject) => {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: stays });
      socket.on('connect', () => socket.write(bytes, () => resolve(socket)));
      socket.once('error', reject);
      socket.on('error', () => {}).resume();
    });
  });
  return within('connections', Promise.all(sockets));
}

export function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.on('close', () => resolve());
  });
}

/** Resolves when the port refuses connections. */
export async function refused(port: number): Promise<void> {
  for (;;) {
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', resolve).on('close', () => resolve(undefined));
      socket.on('connect', () => socket.destroy());
    });
    if (error?.code === 'ECONNREFUSED') return;
  }
}
