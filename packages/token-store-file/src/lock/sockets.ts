/** Listening and connecting: the kernel says whether a process listens, and tells those who are connected when it ends. */
import type { Socket } from 'node:net';
import { type LockWait, pause } from 'token-store-kit';
import { openError, systemCode } from 'token-store-kit/files';

/** How often to look at a process that has as many connections or files as the system allows. */
const fullIntervalMs = 50;
/** How long Bun may take to ask again. */
const askAgainMs = 1_000;

// Loaded when a lock is needed: a program that only reads a token starts without it.
const net = (): typeof import('node:net') => process.getBuiltinModule('node:net');

/**
 * Listens, and keeps no process alive by it. Resolves with a function that closes the socket, which those who are connected notice.
 *
 * @throws the system's error, such as EADDRINUSE.
 */
export function listen(path: string): Promise<() => void> {
  const connections = new Set<Socket>();
  const server = net().createServer((socket) => {
    connections.add(socket.unref());
    socket.on('error', () => {}).once('close', () => connections.delete(socket));
  });
  const close = (): void => {
    server.close();
    for (const socket of connections) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Exclusive: a worker of node:cluster would let its primary process listen, which outlives it.
    server.listen({ path, exclusive: true }, () => resolve(close)).unref();
  });
}

/** Waits until no process listens there. False if one still does at the deadline; looks once at least. */
export async function untilEnded(path: string, { deadline, signals }: LockWait): Promise<boolean> {
  for (let isFirst = true; ; isFirst = false) {
    const socket = net().connect(path);
    try {
      let error = await new Promise<unknown>((resolve) => socket.once('connect', resolve).on('error', resolve));
      if (process.versions.bun && systemCode(error) === 'ECONNREFUSED') error = await askAgainInBun(path, error);
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return true;
      // ECONNRESET: it ended while this one connected. The next look shows it.
      if (error && code !== 'EAGAIN' && code !== 'ECONNRESET') throw openError(path, error);
      const left = deadline - performance.now();
      if (left <= 0) return false;
      // A process that may open no more files closes each connection at once.
      const isTold = isFirst && !error;
      await pause(isTold ? left : Math.min(left, fullIntervalMs), signals, (wake) => {
        if (isTold) socket.unref().resume().once('close', wake);
        return () => socket.off('close', wake);
      });
    } finally {
      socket.destroy();
    }
  }
}

/** What the system says. Bun's own sockets call each failure ECONNREFUSED, also that too many files are open. */
async function askAgainInBun(path: string, refused: unknown): Promise<unknown> {
  if (process.platform === 'win32') return refused;
  const limit = AbortSignal.timeout(askAgainMs);
  const init: RequestInit & { unix: string } = { signal: limit, unix: path };
  const error = await fetch('http://localhost', init).catch((error: unknown) => error);
  // A process listens there by now.
  if (limit.aborted) return { code: 'EAGAIN' };
  return /^E[A-Z]+$/.test(`${systemCode(error)}`) ? error : refused;
}
