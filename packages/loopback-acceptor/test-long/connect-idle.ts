import net from 'node:net';
import { within } from '../test/within.ts';
import { inParallel } from './in-parallel.ts';

/** Connects in portions that the listener's backlog can hold, and gives the listener time to accept the last of them. */
export async function connectIdle(port: number, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  await inParallel(100, count, () => {
    return within(
      'a connection',
      new Promise<void>((resolve) => {
        const socket = net.connect(port, '127.0.0.1', resolve).on('error', () => {});
        socket.resume().unref();
        sockets.push(socket);
      }),
      30_000,
    );
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  return sockets;
}
