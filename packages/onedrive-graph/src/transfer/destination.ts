import { constants, createReadStream, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileFailure } from '../graph-client-error.ts';
import { leavePart, openPart } from './part-file.ts';

/** How long to wait for a file that another program has open on Windows. */
const longestWaitMs = 5_000;

/** `path` is written, and replaces `target` when it is complete. `mode` is that of the old file. */
type Replacement = { path: string; target: string; mode: number | undefined };

/**
 * The file that a download fills. A regular file is written beside its place, and takes the place when it is complete; a
 * symbolic link stays, and the file that it leads to is replaced. A device, a pipe and /dev/stdout are written to directly.
 */
export class Destination implements AsyncDisposable {
  /** As the caller named it. */
  readonly #file: string;
  readonly #output: FileHandle;
  readonly #signal: AbortSignal;
  /** Undefined if the target is written to directly. */
  readonly #part: Replacement | undefined;
  /** How many bytes an earlier download has left. They need not be requested again. */
  readonly length: number;
  /** True if a later download of the same content can continue the part. */
  isPartKept = false;

  private constructor(file: string, output: FileHandle, signal: AbortSignal, part?: Replacement, length = 0) {
    this.#file = file;
    this.#output = output;
    this.#signal = signal;
    this.#part = part;
    this.length = length;
  }

  /**
   * Continues the part that an earlier download has left of the same content; `contentId`: see `contentIdOf`. Throws FILE, or
   * the signal's reason, because opening a pipe waits for its reader.
   */
  static async open(file: string, contentId: string | undefined, signal: AbortSignal): Promise<Destination> {
    try {
      const found = statSync(file, { throwIfNoEntry: false });
      if (found?.isFIFO()) return new Destination(file, await openPipe(file, signal), signal);
      const target = !found || found.isFile() ? followLinks(file) : undefined;
      // Opened to append, so that the content before a shell's >> stays.
      if (target === undefined) return new Destination(file, await open(file, found?.isFile() ? 'a' : 'w'), signal);
      const mode = found && found.mode & 0o777;
      // A later download must be able to open the part, even if the old file is read-only.
      const { path, output, length } = await openPart(target, contentId, mode === undefined ? mode : mode | 0o200);
      return new Destination(file, output, signal, { path, target, mode }, length);
    } catch (error) {
      signal.throwIfAborted();
      return fileFailure('write', file)(error as Error);
    }
  }

  /**
   * Writes at `start`, because a process of another container, which cannot see this one, may continue the same part. Throws FILE, or
   * the signal's reason if the reader of a pipe is slow.
   */
  async write(chunk: Uint8Array, start: number): Promise<void> {
    for (let done = 0, pause = 1; done < chunk.length; ) {
      try {
        const position = this.#part ? start + done : null;
        done += (await this.#output.write(chunk, done, chunk.length - done, position)).bytesWritten;
        pause = 1;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return fileFailure('write', this.#file)(error as Error);
        // The pipe is full.
        await delay(pause, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
        pause = Math.min(2 * pause, 50);
      }
    }
  }

  /** Puts the file in its place. Throws FILE. */
  async complete(): Promise<void> {
    try {
      if (!this.#part) return await this.#output.close();
      const { path, target, mode } = this.#part;
      // Not every file system has modes.
      if (mode !== undefined) await this.#output.chmod(mode).catch(() => {});
      // Otherwise a power failure could leave an empty file in the place of the old one.
      await this.#output.datasync();
      await this.#output.close();
      await replaceFile(path, target);
    } catch (error) {
      fileFailure('write', this.#file)(error as Error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output.close().catch(() => {});
    const end = this.isPartKept ? leavePart : rm;
    if (this.#part) await end(this.#part.path).catch(() => {});
  }
}

/**
 * The file that a path leads to. The file need not exist yet. undefined if no file can be put there: a folder, or an open file of a
 * process, such as /dev/stdout. Throws the file system's error.
 */
function followLinks(file: string): string | undefined {
  const path = join(realpathSync(dirname(file)), basename(file));
  if (file.endsWith('/') || file.endsWith(sep) || /^\/(proc|dev\/fd)\//.test(path)) return undefined;
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
  const next = readlinkSync(path);
  return followLinks(isAbsolute(next) ? next : `${dirname(path)}/${next}`);
}

/**
 * Waits for the pipe's reader. No call blocks, here and when the pipe is full: a thread of Node would wait for the reader, perhaps for
 * ever, and neither could the call be aborted nor the process exit.
 */
async function openPipe(pipe: string, signal: AbortSignal): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    await delay(20, undefined, { signal });
  }
}

/**
 * Windows does not replace a file that another program has open. Virus scanners, indexers and other downloads open files for a moment,
 * and a long download must not fail for that. A file that is itself a mount, as in containers, is written to instead.
 * Throws the file system's error.
 */
async function replaceFile(written: string, target: string): Promise<void> {
  for (const deadline = performance.now() + longestWaitMs; ; await delay(50)) {
    try {
      return await rename(written, target);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'EBUSY' && process.platform !== 'win32') return await writeFile(target, createReadStream(written));
      const isOpenElsewhere = process.platform === 'win32' && ['EPERM', 'EACCES', 'EBUSY'].includes(code);
      if (!isOpenElsewhere || performance.now() > deadline) throw error;
    }
  }
}
