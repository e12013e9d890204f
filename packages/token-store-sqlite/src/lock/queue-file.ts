import type { DatabaseFile } from '../database/database-file.ts';

const fs = process.getBuiltinModule('node:fs');

/** A new holder rewrites a longer file, without the callers that have left. */
const maxLength = 16_384;

/** A caller that waits for the lock, or holds it. */
export interface Place {
  readonly id: string;
  readonly pid: number;
}

/** A place in the queue, until epoch milliseconds. */
interface WaitingPlace extends Place {
  readonly until: number;
}

export interface QueueState {
  /** The waiting callers, the first one first. Those whose process is gone or whose time is up are left out. */
  readonly waiting: readonly WaitingPlace[];
  /** The last caller that acquired the lock and has not released it. */
  readonly holder: Place | undefined;
  /** Whether the holder's process runs. */
  readonly held: boolean;
  /** Length of the file, in characters. */
  readonly length: number;
}

/**
 * The order in which processes wait for a lock. It is kept in a file beside the lock file, to which each of them
 * appends. Only the lock decides which process works. If this file is lost, or names a process that is gone, only the
 * order is lost, or some milliseconds. So a failure to read or write it is no error.
 */
export class QueueFile {
  readonly #path: string;
  readonly #database: DatabaseFile;

  constructor(lockPath: string, database: DatabaseFile) {
    this.#path = `${lockPath}-queue`;
    this.#database = database;
  }

  read(): QueueState {
    let text = '';
    try {
      text = fs.readFileSync(this.#path, 'utf8');
    } catch {
      // No file: no caller waits.
    }
    const waiting = new Map<string, WaitingPlace>();
    let holder: Place | undefined;
    for (const line of text.split('\n')) {
      const [event, id = '', pid, until] = line.split(' ');
      if (event === 'wait') {
        if (!waiting.has(id)) waiting.set(id, { id, pid: Number(pid), until: Number(until) });
        continue;
      }
      waiting.delete(id);
      if (event === 'hold') holder = { id, pid: Number(pid) };
      else if (event === 'done' && holder?.id === id) holder = undefined;
    }
    const now = Date.now();
    const present = [...waiting.values()].filter(({ pid, until }) => until > now && isAlive(pid));
    return { waiting: present, holder, held: holder !== undefined && isAlive(holder.pid), length: text.length };
  }

  /** `milliseconds`: the longest time that this caller will wait. */
  join({ id, pid }: Place, milliseconds: number): void {
    this.#append(entry('wait', id, pid, Date.now() + milliseconds));
  }

  /** Call it only while this process holds the lock. */
  hold({ id, pid }: Place, { waiting, length }: QueueState): void {
    let lines = entry('hold', id, pid);
    if (length > maxLength) {
      this.remove(); // A caller that joined after `state` was read does not find itself in the new file, and joins again.
      lines += waiting.map((place) => entry('wait', place.id, place.pid, place.until)).join('');
    }
    this.#append(lines);
  }

  leave(id: string): void {
    this.#append(entry('done', id));
  }

  /** Call it only while this process holds the lock. */
  remove(): void {
    try {
      fs.unlinkSync(this.#path);
    } catch {
      // There is none.
    }
  }

  #append(lines: string): void {
    try {
      const descriptor = this.#database.openBeside(this.#path, fs.constants.O_APPEND);
      try {
        fs.writeSync(descriptor, lines);
      } finally {
        fs.closeSync(descriptor);
      }
    } catch {
      // Only the order is lost.
    }
  }
}

function entry(...words: [event: 'wait' | 'hold' | 'done', id: string, ...(string | number)[]]): string {
  return `${words.join(' ')}\n`;
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process belongs to another user, but it runs.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
