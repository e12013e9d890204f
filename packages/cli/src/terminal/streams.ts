const fs = process.getBuiltinModule('node:fs');

/** Whoever read our stdout has closed it (`| head`): nothing is left to do. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/**
 * Writes an answer to stdout, whole, before it returns: `process.stdout` takes 2 ms to be set up, and loses its end when
 * the process exits. Throws OutputClosed, or what the system says (a full disk).
 */
export function writeOut(data: string | Uint8Array): void {
  if (process.platform === 'win32' && process.stdout.isTTY) {
    // Only this way does a Windows console show more than ASCII.
    process.stdout.write(data);
    return;
  }
  writeFully(1, typeof data === 'string' ? Buffer.from(data) : data);
}

/** Says something to the person on stderr. Where nobody hears it, nothing happens. */
export function writeErr(text: string): void {
  try {
    writeFully(2, Buffer.from(text));
  } catch {
    // There is no place left to complain.
  }
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(descriptor, rest));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new OutputClosed();
      // Somebody who shares the terminal or pipe made it non-blocking, and its reader is slow.
      if (code !== 'EAGAIN') throw new Error(`cannot write the output: ${message}`, { cause: error });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
