import { type Outcome, tokenAfter } from './turn.ts';

/** A task that a process runs. */
export interface Turn {
  readonly pid: number;
  read?: string | undefined;
  writes?: string;
  /** Who has had the lock since, if the lease of this one can have ended. */
  overtakenBy?: Turn;
}

/**
 * Follows what the processes of a case do, and says what no store may let happen. It needs nothing of the store: a process waits for the
 * answer to its first and to its last step, so the tasks of two that are between these steps do run at the same time.
 */
export class Judge {
  readonly #hasLease: boolean;
  readonly #object: (problem: string) => void;
  /** Whose lock it is. */
  #holder: Turn | undefined;
  /** What may be stored: two tokens after a write that was not confirmed. */
  #stored: readonly (string | undefined)[] = [undefined];
  /** The processes that were stopped in this turn or before it. They may have lost their lock, and not know it. */
  readonly #stopped = new Set<number>();
  /** Who has replaced which token without a lock. */
  readonly #swapped = new Map<string | undefined, number>();
  readonly #events: string[] = [];
  /** How many tasks have begun before that of another process had ended, because its lease may have. */
  overtakes = 0;

  constructor(hasLease: boolean, object: (problem: string) => void) {
    this.#hasLease = hasLease;
    this.#object = object;
  }

  /** The newest events, a line for each. */
  get history(): string {
    return this.#events.join('\n');
  }

  get holder(): number | undefined {
    return this.#holder?.pid;
  }

  /** Of all that replace one token, one may succeed. */
  swap(pid: number, token: string | undefined, isWritten: boolean): void {
    if (!isWritten) return;
    this.note(pid, `has replaced ${show(token)} without a lock`);
    const other = this.#swapped.get(token);
    if (other !== undefined) this.#object(`processes ${other} and ${pid} have both replaced ${show(token)}`);
    this.#swapped.set(token, pid);
  }

  begin(pid: number): Turn {
    this.note(pid, 'begins its task');
    const turn: Turn = { pid };
    const other = this.#holder;
    if (other && this.#hasLease && this.#stopped.has(pid)) {
      turn.overtakenBy = other;
      return turn;
    }
    this.#holder = turn;
    if (!other) return turn;
    other.overtakenBy = turn;
    this.overtakes++;
    // With a lease, a process that had no processor for so long loses its lock. It must know that at the end of its task.
    if (!this.#hasLease) this.#objectToTwo(other, turn);
    return turn;
  }

  read(turn: Turn, token: string | undefined): void {
    this.note(turn.pid, `reads ${show(token)}`);
    turn.read = token;
    turn.writes = tokenAfter(token, turn.pid);
    if (turn.overtakenBy) return;
    if (!this.#stored.includes(token)) {
      const expected = this.#stored.map(show).join(' or ');
      this.#object(`an update was lost: process ${turn.pid} read ${show(token)}, but ${expected} was written before`);
    }
    this.#stored = [token, turn.writes];
  }

  write(turn: Turn, outcome: Outcome): void {
    this.note(turn.pid, outcome === 'written' ? `has written ${show(turn.writes)}` : `did not write: ${outcome}`);
    const isWritten = outcome === 'written';
    const { overtakenBy: next } = turn;
    if (!next) {
      if (!isWritten && !this.#hasLease) this.#object(`the write of process ${turn.pid} was refused (${outcome})`);
      this.#stored = [isWritten ? turn.writes : turn.read];
    } else if (isWritten && next.writes === undefined) {
      this.#stored = [turn.writes];
    } else if (isWritten && next.read !== turn.writes) {
      this.#object(
        `process ${turn.pid} wrote without its lock: process ${next.pid} had it, and had read ${show(next.read)}`,
      );
    }
  }

  end(turn: Turn, isLost: boolean): void {
    this.note(turn.pid, isLost ? 'ends its task, and knows that it lost the lock' : 'ends its task');
    const wasStopped = this.#stopped.delete(turn.pid);
    if (this.#holder === turn) this.#holder = undefined;
    if (turn.overtakenBy && !isLost && !wasStopped) this.#objectToTwo(turn, turn.overtakenBy);
  }

  kill(pid: number): void {
    this.note(pid, 'is killed (SIGKILL)');
    const turn = this.#holder;
    if (turn?.pid !== pid) return;
    this.#holder = undefined;
    // What it said in its last moments is not heard, so it may have read and written.
    if (turn.writes === undefined) {
      this.#stored = this.#stored.flatMap((token) => [token, tokenAfter(token, pid)]);
    }
  }

  stop(pid: number): void {
    this.note(pid, 'is stopped (SIGSTOP)');
    this.#stopped.add(pid);
  }

  note(pid: number, what: string): void {
    this.#events.push(`${performance.now().toFixed(1)} ms: process ${pid} ${what}`);
    if (this.#events.length > 30) this.#events.shift();
  }

  #objectToTwo(first: Turn, second: Turn): void {
    this.#object(
      `two processes ran a task for one name at once: process ${second.pid} began one before that of process ${first.pid} had ended`,
    );
  }
}

function show(token: string | undefined): string {
  return token === undefined ? 'no record' : JSON.stringify(token);
}
