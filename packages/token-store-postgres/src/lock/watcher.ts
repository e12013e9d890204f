import type { Database, Row } from '../connection/database.ts';
import { Listener } from '../connection/listener.ts';
import { type Tables, toKey, toTopic } from '../tables/names.ts';
import { lookStatement } from '../tables/record-statements.ts';

/**
 * Without LISTEN, a caller looks this often. It is a little more than a second: a program that reads the record once a second spares
 * the store the look.
 */
const pollIntervalMs = 1_100;
/** With LISTEN, a caller looks as well: a connection may be dead without notice. */
const listenIntervalMs = 5_000;
/** Two looks of one store are at least this far apart. */
const minLookGapMs = 500;
const lookTimeoutMs = 5_000;
/** How long the connection stays after the last wait: a program that waits in a loop uses it again. */
const lingerMs = 2_000;
/** A shorter wait makes no connection. */
const listenAfterMs = 40;
/** From one attempt to listen to the next: a server may end such connections again and again. */
const listenRetryMs = 5_000;
/** A program with more names loses nothing but a few statements. */
const maxKnown = 10_000;

/** What a waiting caller is told. */
export type Notice =
  /** The record was written or deleted. */
  | { readonly type: 'written' }
  /** The lock is free. `queue`: who is waiting for it, the first one first. */
  | { readonly type: 'free'; readonly queue: readonly string[] }
  /** A caller has acquired the lock. */
  | { readonly type: 'taken'; readonly owner: string | undefined };

/** One waiting caller. */
export interface Wait {
  readonly name: string;
  /** In the queue for the lock, if it waits for that. */
  readonly entry?: string;
  /** Whether it waits for the lock, whose state it has just seen, and not for the record. */
  readonly isForLock: boolean;
  onNotice(notice: Notice): void;
  /** What the tables say of the name: see `lookStatement`. */
  onLook(row: Row): void;
}

interface ActiveWait extends Wait {
  readonly key: string;
  readonly topic: string;
  /** When the tables were last read for it, by `performance.now()`. */
  lookedAt: number;
}

/** Tells the waiting callers of one store what happens to their names: by LISTEN, or by a look once a second. */
export class Watcher {
  readonly #database: Database;
  readonly #tables: Tables;
  /** Whether a connection can listen at all. */
  readonly #canListen: boolean;
  readonly #waits = new Set<ActiveWait>();
  /** The newest revision that this store has seen of each name; null: no record. */
  readonly #known = new Map<string, { readonly revision: string | null; readonly at: number }>();
  /** By topic: when a write was told that the program has not read since. */
  readonly #unread = new Map<string, number>();
  #listener: Listener | undefined;
  /** By `performance.now()`: when the attempt to listen began. */
  #openingSince: number | undefined;
  #listenNotBefore = 0;
  #timer: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;
  #looking = false;
  #lastLookAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(database: Database, tables: Tables, canListen: boolean) {
    this.#database = database;
    this.#tables = tables;
    this.#canListen = canListen;
  }

  /** Whether callers of this store are told at once, and do not only look once a second. */
  get isTold(): boolean {
    return this.#mayListen;
  }

  /** The entry of the caller that waits for the lock of this name. Undefined if none does. */
  entryOf(name: string): string | undefined {
    for (const wait of this.#waits) if (wait.name === name && wait.entry !== undefined) return wait.entry;
    return undefined;
  }

  /** The newest revision that this store has seen. undefined: none was ever read; null: there was no record. */
  known(name: string): string | null | undefined {
    return this.#known.get(name)?.revision;
  }

  /** Whether a caller waits for this name. */
  isWatching(name: string): boolean {
    for (const wait of this.#waits) if (wait.name === name) return true;
    return false;
  }

  /** Notes the revision that this store has read by a statement that it sent at `sentAt`. */
  saw(name: string, revision: string | null, sentAt: number): number {
    const topic = toTopic(this.#tables, name);
    if ((this.#unread.get(topic) ?? sentAt) < sentAt) this.#unread.delete(topic);
    return this.#note(name, revision);
  }

  /** The same after a look, of which the callers that wait for the name are told. */
  looked(name: string, row: Row, sentAt: number): void {
    const at = this.saw(name, row.revision ?? null, sentAt);
    for (const wait of [...this.#waits]) {
      if (wait.name !== name) continue;
      wait.lookedAt = at;
      wait.onLook(row);
    }
  }

  /** Notes what this store has written; null: deleted. */
  wrote(name: string, revision: string | null): void {
    this.#note(name, revision);
    for (const wait of [...this.#waits]) if (wait.name === name) wait.onNotice({ type: 'written' });
  }

  /** Whether a write was told after the program's last read of the name. True once for each write. */
  takeUnread(name: string): boolean {
    return this.#unread.delete(toTopic(this.#tables, name));
  }

  /** Tells this caller from now on. The returned function ends it. */
  watch(wait: Wait): () => void {
    const { name, entry, isForLock } = wait;
    const active: ActiveWait = {
      name,
      ...(entry !== undefined && { entry }),
      isForLock,
      key: toKey(name),
      topic: toTopic(this.#tables, name),
      lookedAt: this.#lastSeenAt(name, isForLock),
      onNotice: (notice) => wait.onNotice(notice),
      onLook: (row) => wait.onLook(row),
    };
    this.#waits.add(active);
    clearTimeout(this.#lingering);
    this.#listenSoon();
    this.#schedule();
    return () => {
      this.#waits.delete(active);
      if (this.#waits.size > 0) return;
      clearTimeout(this.#timer);
      this.#lingering = setTimeout(() => this.#stopListening(), lingerMs).unref();
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#lingering);
    this.#stopListening();
  }

  /**
   * The lock may have been released since its caller saw it, so look at once if that was told before this wait began. For a record,
   * what counts without LISTEN is when the caller has read it.
   */
  #lastSeenAt(name: string, isForLock: boolean): number {
    const isTold = this.#listener !== undefined;
    if (isForLock ? !isTold : isTold) return performance.now();
    return isForLock ? Number.NEGATIVE_INFINITY : (this.#known.get(name)?.at ?? Number.NEGATIVE_INFINITY);
  }

  #note(name: string, revision: string | null): number {
    if (this.#known.size >= maxKnown) this.#known.clear();
    const at = performance.now();
    this.#known.set(name, { revision, at });
    return at;
  }

  get #mayListen(): boolean {
    return this.#canListen && performance.now() >= this.#listenNotBefore;
  }

  /** Most waits are over before they are worth a connection. */
  #listenSoon(): void {
    if (this.#listener || this.#openingSince !== undefined || !this.#mayListen) return;
    this.#openingSince = performance.now();
    setTimeout(() => void this.#listen(), listenAfterMs).unref();
  }

  async #listen(): Promise<void> {
    const startedAt = performance.now();
    try {
      if (this.#isIdle) return;
      const listener = await Listener.open(this.#database, {
        channel: this.#tables.channel,
        onMessage: (message) => this.#receive(message),
        onLost: () => {
          this.#listener = undefined;
          this.#listenNotBefore = startedAt + listenRetryMs;
          this.#lookAnew();
        },
      });
      if (this.#isIdle) {
        listener.close();
        return;
      }
      this.#listener = listener;
      // What happened before is not told.
      for (const wait of this.#waits) wait.lookedAt = Number.NEGATIVE_INFINITY;
    } catch {
      this.#listenNotBefore = performance.now() + listenRetryMs;
    } finally {
      this.#openingSince = undefined;
      this.#schedule();
    }
  }

  get #isIdle(): boolean {
    return this.#closed || this.#waits.size === 0;
  }

  #stopListening(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  #receive(message: string): void {
    const [head = '', ...rest] = message.split(' ');
    const topic = head.slice(1);
    const notices: Record<string, Notice> = {
      w: { type: 'written' },
      f: { type: 'free', queue: rest },
      t: { type: 'taken', owner: rest[0] },
    };
    const notice = notices[head.charAt(0)];
    if (!notice) return;
    if (notice.type === 'written') {
      if (this.#unread.size >= maxKnown) this.#unread.clear();
      this.#unread.set(topic, performance.now());
    }
    for (const wait of [...this.#waits]) if (wait.topic === topic) wait.onNotice(notice);
  }

  #lookAnew(): void {
    for (const wait of this.#waits) wait.lookedAt = Number.NEGATIVE_INFINITY;
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isIdle || this.#looking) return;
    const interval = this.#listener ? listenIntervalMs : pollIntervalMs;
    const dueAt = Math.min(...[...this.#waits].map(({ lookedAt }) => lookedAt + interval));
    // The attempt to listen ends with a look.
    const earliest = Math.max(
      this.#lastLookAt + minLookGapMs,
      (this.#openingSince ?? -pollIntervalMs) + pollIntervalMs,
    );
    const delay = Math.max(0, dueAt - performance.now(), earliest - performance.now());
    // Each wait has a timer of its own that keeps the process alive.
    this.#timer = setTimeout(() => void this.#look(), delay).unref();
  }

  async #look(): Promise<void> {
    const interval = this.#listener ? listenIntervalMs : pollIntervalMs;
    const due = Math.min(...[...this.#waits].map(({ lookedAt }) => lookedAt + interval));
    if (due > performance.now() + 1) {
      // The program has read the name meanwhile.
      this.#schedule();
      return;
    }
    this.#looking = true;
    this.#lastLookAt = performance.now();
    const names = new Map([...this.#waits].map(({ key, name }) => [key, name]));
    try {
      const values = [[...names.keys()], [...names.values()].map((name) => this.entryOf(name) ?? null)];
      const rows = await this.#database.run(lookStatement(this.#tables), values, {
        timeout: lookTimeoutMs,
        repeatable: true,
      });
      for (const row of rows) this.looked(names.get(row.name ?? '') ?? '', row, this.#lastLookAt);
    } catch {
      // The callers get the error when they read. The next look may succeed.
      for (const wait of this.#waits) if (names.has(wait.key)) wait.lookedAt = this.#lastLookAt;
    } finally {
      this.#looking = false;
      this.#listenSoon();
      this.#schedule();
    }
  }
}
