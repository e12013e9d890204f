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

/** As `writeOut`, for a long answer. Meanwhile signals can be noticed: the reader may be slow. Not for a terminal. */
export async function sendOut(data: string | Uint8Array): Promise<boolean> {
  let rest = typeof data === 'string' ? Buffer.from(data) : data;
  const write = (resolve: (written: number) => void, reject: (error: unknown) => void): void =>
    fs.write(1, rest, (error, written) => (error ? reject(error) : resolve(written)));
  while (rest.length > 0) {
    try {
      rest = rest.subarray(await new Promise(write));
    } catch (error) {
      if (hasNoReader(error)) return false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  return true;
}

function writeFully(descriptor: number, bytes: Uint8Array): boolean {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(descriptor, rest));
    } catch (error) {
      if (hasNoReader(error)) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}

/** False if a later attempt may write the rest. Throws an error with the system's message. */
function hasNoReader(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  // Another process made the shared terminal or pipe non-blocking, and its reader is slow.
  if (code !== 'EPIPE' && code !== 'EAGAIN') throw fileFailure('write', 'the output', error);
  return code === 'EPIPE';
}
