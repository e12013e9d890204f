import { connect } from 'node:net';
import type { ClientInternals } from './pg-pool.ts';

const timeoutMs = 1_000;
/** PostgreSQL's manual, "Message Formats": CancelRequest. */
const cancelRequest = 80_877_102;

/**
 * Asks the server to end the statement of a connection that was given up, or its backend goes on waiting for a locked table. Resolves when the
 * server has heard it, or does not answer. pg's own `cancel` does nothing over TLS.
 */
export async function cancelStatement({ host, port, processID, secretKey }: ClientInternals): Promise<void> {
  if (host === undefined || port === undefined || !processID || typeof secretKey !== 'number') return;
  const request = Buffer.alloc(16);
  for (const [index, value] of [request.length, cancelRequest, processID, secretKey].entries())
    request.writeInt32BE(value | 0, 4 * index);
  const socket = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  socket.setTimeout(timeoutMs, () => socket.destroy());
  socket.on('error', () => {});
  socket.resume().end(request);
  await new Promise((resolve) => socket.once('close', resolve));
}
