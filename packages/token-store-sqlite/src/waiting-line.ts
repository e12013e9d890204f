import type { DatabaseFile } from './database-file.ts';
import { openBeside } from './open-beside.ts';

const fs = process.getBuiltinModule('node:fs');

/** Bytes from which on a new holder writes the line anew, without those who have gone. */
const longLine = 16_384;

/** One who waits for a lock, or has it. */
export interface Place {
  readonly id: string;
  readonly pid: number;
}

/** A place in the line, until epoch milliseconds. */
interface WaitingPlace extends Place {
  readonly until: number;
}

export interface LineState {
  /** Those who wait, first come first; the ones whose process is gone or whose time is up are left out. */
  readonly waiting: readonly WaitingPlace[];
  /** Who took the lock last and did not return it. */
  readonly holder: Place | undefined;
  /** Whether the holder's process runs. */
  readonly held: boolean;
  /** Characters in the file. */
  readonly length: number;
}

/**
 * The order in which processes wait for a lock, in a file beside it that each of them appends to. It is a courtesy: the
 * lock alone decides who works. So a line that is lost, or that names a process which is gone, costs order or a moment and nothing else,
 * and no failure to read or write it is an error.
 */
export class WaitingLine {
  readonly #path: string;

  readonly #database: DatabaseFile;

  constructor(lockPath: string, database: DatabaseFile) {
    this.#path = `${lockPath}-queue`;
    this.#database = database;
  }

  read(): LineState {
    let text = '';
    try {
      text = fs.readFileSync(this.#path, 'utf8');
    } catch {
      // nobody waits
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

  /** `milliseconds`: how long this one will wait at most. */
  join({ id, pid }: Place, milliseconds: number): void {
    this.#append(entry('wait', id, pid, Date.now() + milliseconds));
  }

  /** Call with the lock. */
  hold({ id, pid }: Place, { waiting, length }: LineState): void {
    let lines = entry('hold', id, pid);
    if (length > longLine) {
      this.remove(); // whoever joined since `state` was read does not find itself in the new file, and joins again
      lines += waiting.map((place) => entry('wait', place.id, place.pid, place.until)).join('');
    }
    this.#append(lines);
  }

  leave(id: string): void {
    this.#append(entry('done', id));
  }

  /** Call with the lock. */
  remove(): void {
    try {
      fs.unlinkSync(this.#path);
    } catch {
      // there is none
    }
  }

  #append(lines: string): void {
    try {
      const descriptor = openBeside(this.#database, this.#path, fs.constants.O_APPEND);
      try {
        fs.writeSync(descriptor, lines);
      } finally {
        fs.closeSync(descriptor);
      }
    } catch {
      // see above: a courtesy
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
    // Another user's process, which this one may not signal, is alive.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
