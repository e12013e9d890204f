import { pause } from 'token-store-kit';
import type { Database } from '../connection/database.ts';
import { Listener } from '../connection/listener.ts';
import { type Statements, topicOf } from '../statements.ts';
import { toStoredName } from '../stored-name.ts';

/**
 * Without LISTEN, a caller looks this often. It is a little more than a second: a program that reads the record once a second spares
 * the store the look.
 */
const pollIntervalMs = 1_100;
/** With LISTEN, a caller looks as well: a connection may be dead without notice. */
const listenIntervalMs = 5_000;
/** Two looks of one store are at least this far apart. */
const minLookGapMs = 500;
/** How long the connection stays after the last wait: a program that waits in a loop uses it again. */
const lingerMs = 2_000;
/** A shorter wait makes no connection. */
const listenAfterMs = 40;
/** From one attempt to listen to the next: a server may end such connections again and again. */
const listenRetryMs = 5_000;
/** A program with more names loses nothing but a few statements. */
const maxKnown = 10_000;

/** What a caller that waits is told. */
export type Notice =
  /** The record was written or deleted, or may have been. */
  | 'written'
  /** The lock was released. */
  | 'free'
  /** A caller has acquired the lock. */
  | 'taken'
  /** What happened in the last moments was not told. */
  | 'missed';

interface Wait {
  readonly name: string;
  readonly topic: string;
  /** Whether it waits for the record, so that somebody has to look. A caller that waits for the lock looks by itself. */
  readonly looks: boolean;
  readonly tell: (notice: Notice) => void;
}

/** What this store knows of a record. A revision is null if there is no record. */
interface Known {
  /** What the program has read or written last. */
  read?: string | null;
  /** What was written last, as far as this store has heard. */
  latest?: string | null;
  /** When it heard that from others, by `performance.now()`. */
  heardAt: number;
  /** When the table was read for it. */
  lookedAt: number;
}

/** Tells the callers of one store that wait what happens to their names: by LISTEN, or by a look once a second. */
export class Watcher {
  readonly #database: Database;
  readonly #statements: Statements;
  /** Whether a connection can listen at all. */
  readonly #canListen: boolean;
  readonly #waits = new Set<Wait>();
  readonly #known = new Map<string, Known>();
  #listener: Listener | undefined;
  #isOpening = false;
  #listenNotBefore = 0;
  #timer: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;
  #isLooking = false;
  #lastLookAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(database: Database, statements: Statements, canListen: boolean) {
    this.#database = database;
    this.#statements = statements;
    this.#canListen = canListen;
  }

  /** Whether callers that wait are told, and do not only look about once a second. */
  get isTold(): boolean {
    return this.#listener !== undefined || this.#mayListen;
  }

  /** How often a caller that waits looks. */
  get intervalMs(): number {
    return this.isTold ? listenIntervalMs : pollIntervalMs;
  }

  topicOf(name: string): string {
    return topicOf(this.#statements.channel, name);
  }

  /** Notes what the program has read, by a statement that was sent at `sentAt`. null: there is no record. */
  saw(name: string, revision: string | null, sentAt: number): void {
    const known = this.#knownOf(this.topicOf(name));
    known.read = revision;
    this.looked(name, revision, sentAt);
  }

  /** Notes what a statement has found that was sent at `sentAt`. */
  looked(name: string, revision: string | null, sentAt: number): void {
    const topic = this.topicOf(name);
    const known = this.#knownOf(topic);
    known.lookedAt = performance.now();
    // What it heard since may be newer.
    if (known.heardAt < sentAt) this.#hear(topic, revision);
  }

  /** Notes what this store has written. null: deleted. */
  wrote(name: string, revision: string | null): void {
    const topic = this.topicOf(name);
    const known = this.#knownOf(topic);
    known.heardAt = performance.now();
    this.#hear(topic, revision);
    known.read = revision;
  }

  /** Resolves when the record may have changed since the program has read it, or after `timeout`. Rejects with a signal's reason. */
  async changed(name: string, timeout: number, signals: readonly AbortSignal[]): Promise<void> {
    for (const signal of signals) signal.throwIfAborted();
    const known = this.#knownOf(this.topicOf(name));
    if (known.read !== undefined && known.read !== known.latest) {
      // Once for each write: a program need not read.
      if (known.latest !== undefined) known.read = known.latest;
      return;
    }
    await pause(timeout, signals, (wake) => this.watch(name, (notice) => notice === 'written' && wake(), true));
    if (known.latest !== undefined) known.read = known.latest;
  }

  /** Tells this caller from now on. The returned function ends it. */
  watch(name: string, tell: (notice: Notice) => void, looks = false): () => void {
    const wait: Wait = { name, topic: this.topicOf(name), looks, tell };
    this.#waits.add(wait);
    clearTimeout(this.#lingering);
    this.#listenSoon();
    this.#schedule();
    return () => {
      this.#waits.delete(wait);
      if (this.#waits.size > 0) return;
      clearTimeout(this.#timer);
      this.#lingering = setTimeout(() => this.#stopListening(), lingerMs).unref();
    };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#lingering);
    this.#stopListening();
  }

  #knownOf(topic: string): Known {
    let known = this.#known.get(topic);
    if (!known) {
      if (this.#known.size >= maxKnown) this.#known.clear();
      known = { heardAt: Number.NEGATIVE_INFINITY, lookedAt: Number.NEGATIVE_INFINITY };
      this.#known.set(topic, known);
    }
    return known;
  }

  #hear(topic: string, revision: string | null): void {
    const known = this.#knownOf(topic);
    if (known.latest === revision) return;
    known.latest = revision;
    this.#tell('written', topic);
  }

  /** Without a topic: all. */
  #tell(notice: Notice, topic?: string): void {
    for (const wait of [...this.#waits]) if (topic === undefined || wait.topic === topic) wait.tell(notice);
  }

  get #mayListen(): boolean {
    return this.#canListen && performance.now() >= this.#listenNotBefore;
  }

  get #isIdle(): boolean {
    return this.#isClosed || this.#waits.size === 0;
  }

  /** Most waits are over before they are worth a connection. */
  #listenSoon(): void {
    if (this.#listener || this.#isOpening || !this.#mayListen) return;
    this.#isOpening = true;
    setTimeout(() => void this.#listen(), listenAfterMs).unref();
  }

  async #listen(): Promise<void> {
    const startedAt = performance.now();
    try {
      if (this.#isIdle) return;
      const listener = await Listener.open(this.#database, {
        channel: this.#statements.channel,
        onMessage: (message) => this.#receive(message),
        onLost: () => {
          this.#listener = undefined;
          this.#listenNotBefore = startedAt + listenRetryMs;
          this.#lookAnew();
        },
      });
      if (this.#isIdle) listener.close();
      else this.#listener = listener;
    } catch {
      this.#listenNotBefore = performance.now() + listenRetryMs;
    } finally {
      this.#isOpening = false;
      this.#lookAnew();
    }
  }

  #stopListening(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  #receive(message: string): void {
    const [head = '', detail] = message.split(' ');
    const topic = head.slice(1);
    switch (head.charAt(0)) {
      case 'w':
        this.#knownOf(topic).heardAt = performance.now();
        this.#hear(topic, detail ?? null);
        break;
      case 'f':
        this.#tell('free', topic);
        break;
      case 't':
        this.#tell('taken', topic);
    }
  }

  /** What happened before a connection listened, and when it was lost, is not told. */
  #lookAnew(): void {
    for (const { topic } of this.#waits) this.#knownOf(topic).lookedAt = Number.NEGATIVE_INFINITY;
    this.#tell('missed');
    this.#schedule();
  }

  /** By `performance.now()`. Infinity if no caller waits for a record. */
  get #nextLookAt(): number {
    const due = [...this.#waits].filter(({ looks }) => looks).map(({ topic }) => this.#knownOf(topic).lookedAt);
    return Math.max(Math.min(...due) + this.intervalMs, this.#lastLookAt + minLookGapMs);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const at = this.#nextLookAt;
    if (this.#isIdle || this.#isLooking || at === Number.POSITIVE_INFINITY) return;
    // Each wait has a timer of its own that keeps the process alive.
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, at - performance.now())).unref();
  }

  async #look(): Promise<void> {
    const sentAt = performance.now();
    // The program may have read the name meanwhile.
    if (this.#nextLookAt > sentAt + 1) return this.#schedule();
    this.#isLooking = true;
    this.#lastLookAt = sentAt;
    const names = new Map([...this.#waits].filter(({ looks }) => looks).map(({ name }) => [toStoredName(name), name]));
    try {
      for (const row of await this.#database.read(this.#statements.look, [[...names.keys()]])) {
        this.looked(names.get(row.name ?? '') ?? '', row.revision ?? null, sentAt);
      }
    } catch {
      // The callers get the error when they read. The next look may succeed.
      for (const name of names.values()) this.#knownOf(this.topicOf(name)).lookedAt = sentAt;
    } finally {
      this.#isLooking = false;
      this.#listenSoon();
      this.#schedule();
    }
  }
}
