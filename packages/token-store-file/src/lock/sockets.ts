/** Listening and connecting: the kernel tells whether a process listens, and closes its connections when it ends. */
import type { Socket } from 'node:net';
import { type LockWait, pause } from 'token-store-kit';
import { openError, systemCode } from 'token-store-kit/files';

/** How often to check a process that has as many connections or open files as the system allows. */
const fullIntervalMs = 50;
/** How long the second attempt to connect may take in Bun. */
const askAgainMs = 1_000;

// Loaded when a lock is needed: a program that only reads a token starts without it.
const net = (): typeof import('node:net') => process.getBuiltinModule('node:net');

/**
 * Listens, without keeping the process alive. Resolves with a function that closes the socket and its connections.
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
    // Exclusive: otherwise the primary process of node:cluster would listen for its worker, and outlive it.
    server.listen({ path, exclusive: true }, () => resolve(close)).unref();
  });
}

/** Waits until no process listens at this path. False if one still does at the deadline. Checks at least once. */
export async function untilEnded(path: string, { deadline, signals }: LockWait): Promise<boolean> {
  for (let isFirst = true; ; isFirst = false) {
    const socket = net().connect(path);
    try {
      let error = await new Promise<unknown>((resolve) => socket.once('connect', resolve).on('error', resolve));
      if (process.versions.bun && systemCode(error) === 'ECONNREFUSED') error = await askAgainInBun(path, error);
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return true;
      // ECONNRESET: the process ended during the attempt to connect. The next attempt shows that.
      if (error && code !== 'EAGAIN' && code !== 'ECONNRESET') throw openError(path, error);
      const left = deadline - performance.now();
      if (left <= 0) return false;
      // A process that may open no more files closes each connection at once: only the first close may end this pause.
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

/** The system's own error. Bun's sockets report each failure as ECONNREFUSED, even too many open files. */
async function askAgainInBun(path: string, refused: unknown): Promise<unknown> {
  if (process.platform === 'win32') return refused;
  const limit = AbortSignal.timeout(askAgainMs);
  const init: RequestInit & { unix: string } = { signal: limit, unix: path };
  const error = await fetch('http://localhost', init).catch((error: unknown) => error);
  // No failure within the limit: a process listens there.
  if (limit.aborted) return { code: 'EAGAIN' };
  return /^E[A-Z]+$/.test(`${systemCode(error)}`) ? error : refused;
}
