import { pause } from 'token-store-kit';
import type { Database } from '../connection/database.ts';
import type { StandaloneClient } from '../connection/pg-pool.ts';
import { type Statements, toStoredName } from '../statements.ts';

/**
 * Without LISTEN, a caller looks this often. It is a little more than a second: a program that reads the record once a second spares
 * the store the look.
 */
const pollIntervalMs = 1_100;
/** With LISTEN, a caller looks as well: a connection may be dead without notice. */
const listenIntervalMs = 5_000;
/** How long the connection stays after the last wait: a program that waits in a loop uses it again. */
const lingerMs = 2_000;
/** A caller that waits for the lock of the same name asks before that, and spares the look. */
const lookDelayMs = 200;
/** A shorter wait makes no connection. */
const listenAfterMs = 40;
/** From one attempt to listen to the next: a server may end such connections again and again. */
const listenRetryMs = 5_000;
/** A program with more names loses nothing but a few statements. */
const maxKnown = 10_000;

/**
 * What a caller that waits is told: the record was written or deleted, or may have been; the lock was released; another caller has
 * acquired it; or what happened in the last moments was not told.
 */
export type Notice = 'written' | 'free' | 'taken' | 'missed';

interface Wait {
  readonly name: string;
  readonly topic: string;
  /** Whether it waits for the record, so that the store has to look. A caller that waits for the lock looks by itself. */
  readonly isForRecord: boolean;
  readonly tell: (notice: Notice) => void;
}

/** What this store knows of a record. Times are those of `performance.now()`. */
interface Known {
  /** Of the newest version that it has heard of; null if there is no record. Undefined: the program may not know the newest one. */
  revision?: string | null | undefined;
  /** When it was told of that. */
  toldAt: number;
  /** When the table was read. */
  readAt: number;
}

/** Tells the callers of one store that wait what happens to their names: by LISTEN, or by a look once a second. */
export class Watcher {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #waits = new Set<Wait>();
  readonly #known = new Map<string, Known>();
  #listener: StandaloneClient | undefined;
  /** Infinity if no connection can listen. */
  #listenNotBefore: number;
  #isOpening = false;
  #isLooking = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(database: Database, statements: Statements, canListen: boolean) {
    this.#database = database;
    this.#statements = statements;
    this.#listenNotBefore = canListen ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Whether callers that wait are told, and do not only look about once a second. */
  get isTold(): boolean {
    return this.#listener !== undefined || performance.now() >= this.#listenNotBefore;
  }

  /** How often a caller that waits looks. */
  get intervalMs(): number {
    return this.isTold ? listenIntervalMs : pollIntervalMs;
  }

  /** Notes what a statement has read that was sent at `sentAt`. null: there is no record. */
  read(name: string, revision: string | null, sentAt: number): void {
    const topic = this.#statements.topicOf(name);
    const known = this.#knownOf(topic);
    known.readAt = performance.now();
    // What it was told since may be newer.
    if (known.toldAt < sentAt) this.#hear(topic, revision);
  }

  /** Notes what this store has written. null: deleted. */
  wrote(name: string, revision: string | null): void {
    const topic = this.#statements.topicOf(name);
    this.#knownOf(topic).toldAt = performance.now();
    this.#hear(topic, revision);
  }

  /** Resolves when the record may have changed since the program has read it, or after `timeout`. Rejects with a signal's reason. */
  async changed(name: string, timeout: number, signals: readonly AbortSignal[]): Promise<void> {
    await pause(timeout, signals, (wake) => this.watch(name, (told) => told === 'written' && wake(), true));
  }

  /** Tells this caller from now on; for a lock, call `listenSoon` when it is worth a connection. The returned function ends it. */
  watch(name: string, tell: (notice: Notice) => void, isForRecord = false): () => void {
    const wait: Wait = { name, topic: this.#statements.topicOf(name), isForRecord, tell };
    this.#waits.add(wait);
    clearTimeout(this.#lingering);
    if (isForRecord) this.listenSoon();
    this.#schedule();
    return () => {
      this.#waits.delete(wait);
      if (this.#waits.size > 0) return;
      clearTimeout(this.#timer);
      this.#lingering = setTimeout(() => this.#stopListening(), lingerMs).unref();
    };
  }

  /** Most waits are over before they are worth a connection. */
  listenSoon(): void {
    if (this.#listener || this.#isOpening || !this.isTold) return;
    this.#isOpening = true;
    setTimeout(() => void this.#listen(), listenAfterMs).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#lingering);
    this.#stopListening();
  }

  #knownOf(topic: string): Known {
    const known = this.#known.get(topic) ?? { toldAt: Number.NEGATIVE_INFINITY, readAt: Number.NEGATIVE_INFINITY };
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(topic, known);
    return known;
  }

  #hear(topic: string, revision: string | null): void {
    const known = this.#knownOf(topic);
    const isNews = known.revision !== revision;
    known.revision = revision;
    if (isNews) this.#tell('written', topic);
  }

  /** Without a topic: all. */
  #tell(notice: Notice, topic?: string): void {
    for (const wait of [...this.#waits]) if (topic === undefined || wait.topic === topic) wait.tell(notice);
  }

  get #isIdle(): boolean {
    return this.#isClosed || this.#waits.size === 0;
  }

  /** On a connection of its own, which does not keep the process alive. */
  async #listen(): Promise<void> {
    const client = this.#isIdle ? undefined : this.#database.newClient();
    const retryAt = performance.now() + listenRetryMs;
    if (!client && !this.#isIdle) this.#listenNotBefore = Number.POSITIVE_INFINITY;
    const lose = (): void => {
      if (this.#listener !== client) return;
      this.#stopListening();
      this.#listenNotBefore = retryAt;
      this.#lookAnew();
    };
    try {
      client?.on('error', lose);
      client?.on('end', lose);
      client?.on('notification', ({ payload = '' }) => this.#receive(payload));
      await client?.connect();
      client?.unref?.();
      await client?.query(`LISTEN ${this.#statements.channel}`);
      this.#listener = client;
      if (this.#isIdle) this.#stopListening();
    } catch {
      // The database cannot be reached, or does not allow it, as a standby.
      client?.end().catch(() => {});
      this.#listenNotBefore = retryAt;
    } finally {
      this.#isOpening = false;
      this.#lookAnew();
    }
  }

  #stopListening(): void {
    this.#listener?.end().catch(() => {});
    this.#listener = undefined;
  }

  #receive(message: string): void {
    const [head = '', revision = null] = message.split(' ');
    const topic = head.slice(1);
    if (head.startsWith('f')) this.#tell('free', topic);
    else if (head.startsWith('t')) this.#tell('taken', topic);
    else {
      const known = this.#knownOf(topic);
      known.toldAt = performance.now();
      const isAwaited = [...this.#waits].some((wait) => wait.topic === topic && wait.isForRecord);
      if (isAwaited || known.revision === revision) this.#hear(topic, revision);
      // It came between two waits: the next one looks at once, and ends.
      else Object.assign(known, { revision: undefined, readAt: Number.NEGATIVE_INFINITY });
    }
  }

  /** What happened before a connection listened, and when it was lost, is not told. */
  #lookAnew(): void {
    const dueAt = performance.now() + lookDelayMs;
    for (const { topic } of this.#waits) this.#knownOf(topic).readAt = dueAt - this.intervalMs;
    this.#tell('missed');
    this.#schedule();
  }

  get #recordWaits(): Wait[] {
    return [...this.#waits].filter(({ isForRecord }) => isForRecord);
  }

  /** Milliseconds. Infinity if no caller waits for a record. */
  get #nextLookIn(): number {
    const oldest = Math.min(...this.#recordWaits.map(({ topic }) => this.#knownOf(topic).readAt));
    return oldest + this.intervalMs - performance.now();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const delay = this.#nextLookIn;
    if (this.#isClosed || this.#isLooking || delay === Number.POSITIVE_INFINITY) return;
    // Each wait has a timer of its own that keeps the process alive.
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, delay)).unref();
  }

  async #look(): Promise<void> {
    // The program may have read the name meanwhile.
    const waits = this.#nextLookIn > 1 ? [] : this.#recordWaits;
    const sentAt = performance.now();
    const names = new Map(waits.map(({ name }) => [toStoredName(name), name]));
    this.#isLooking = true;
    try {
      const rows = waits.length === 0 ? [] : await this.#database.read(this.#statements.look, [[...names.keys()]]);
      for (const row of rows) this.read(names.get(row.name ?? '') ?? '', row.revision ?? null, sentAt);
    } catch {
      // The callers get the error when they read. The next look may succeed.
      for (const { topic } of waits) this.#knownOf(topic).readAt = sentAt;
    } finally {
      this.#isLooking = false;
      this.listenSoon();
      this.#schedule();
    }
  }
}
