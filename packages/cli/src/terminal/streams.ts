import { fileFailure } from './failure.ts';

const fs = process.getBuiltinModule('node:fs');

export function isTerminal(descriptor: 0 | 1 | 2): boolean {
  // Loaded here, because node:tty loads node:net and all streams, which a stored token does without.
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

/**
 * Writes an answer to stdout, and returns when all of it is written: `process.stdout` takes 2 ms to set up, and loses what is still
 * buffered when the process exits. Returns false if the reader has gone (`| head`), which is no failure. Throws an error with the
 * system's message (a full disk).
 */
export function writeOut(data: string | Uint8Array): boolean {
  if (process.platform === 'win32' && process.stdout.isTTY) {
    // A Windows console shows more than ASCII only if it is written to this way.
    process.stdout.write(data);
    return true;
  }
  return writeFully(1, typeof data === 'string' ? Buffer.from(data) : data);
}

/** Writes a message to the person on stderr. Does nothing if stderr cannot be written. */
export function writeErr(text: string): void {
  try {
    writeFully(2, Buffer.from(text));
  } catch {
    // There is no other place to report it.
  }
}

function writeFully(descriptor: number, bytes: Uint8Array): boolean {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(descriptor, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return false;
      // Another process made the shared terminal or pipe non-blocking, and its reader is slow.
      if (code !== 'EAGAIN') throw fileFailure('write', 'the output', error);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}
