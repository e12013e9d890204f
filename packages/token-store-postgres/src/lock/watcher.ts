import { settled } from 'token-store-kit';
import type { Database } from '../connection/database.ts';
import { destroySocket, type FullClient } from '../connection/pg-client.ts';
import { nameOf, type Statements, toStoredName } from '../statements.ts';

/** Without LISTEN, a caller looks this often: a program that reads the record once a second spares the store the look. */
const pollIntervalMs = 1_100;
/** With LISTEN, a caller looks as well: a connection may be dead without notice. Also for an attempt to listen, and until the next one. */
const listenIntervalMs = 5_000;
/** A shorter wait makes no connection, and a program that waits again soon uses the same one. */
const [listenAfterMs, lingerMs] = [40, 2_000];
/** With more names, a few more statements are sent. */
const maxKnown = 10_000;

interface Wait {
  readonly name: string;
  readonly topic: string;
  /** For a record, the store looks. A caller that waits for the lock looks by itself, and is told when it may be free. */
  readonly subject: 'record' | 'lock';
  readonly wake: () => void;
}

/** What this store knows of a record. */
interface Known {
  /** Of the version that it has heard of last; null if there is no row. Undefined: the program may not know the newest one. */
  revision?: string | null | undefined;
  /** When the table was read, by `performance.now()`. */
  readAt: number;
}

/** Tells the callers of one store that wait what happens to their names: by LISTEN, or by a look once a second. */
export class Watcher {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #waits = new Set<Wait>();
  readonly #known = new Map<string, Known>();
  /** The connection that listens, or is to. */
  #listener: FullClient | undefined;
  /** Infinity if no connection can listen. */
  #listenNotBefore: number;
  #isOpening = false;
  #isLooking = false;
  /** When a connection began to listen, or was lost. What was sent before, and is answered later, may miss what was not told. */
  #lookAnewAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(database: Database, statements: Statements, canListen: boolean) {
    this.#database = database;
    this.#statements = statements;
    this.#listenNotBefore = canListen && database.newClient ? 0 : Number.POSITIVE_INFINITY;
  }

  get #isTold(): boolean {
    return this.#listener !== undefined || performance.now() >= this.#listenNotBefore;
  }

  /** How often a caller that waits looks. */
  get intervalMs(): number {
    return this.#isTold ? listenIntervalMs : pollIntervalMs;
  }

  /** Notes what a statement has read or written that was sent at `sentAt`, by `performance.now()`, or later. null: there is no row. */
  read(name: string, revision: string | null, sentAt: number): void {
    const topic = this.#statements.topicOf(name);
    if (sentAt >= this.#lookAnewAt) this.#knownOf(topic).readAt = performance.now();
    this.#hear(topic, revision);
  }

  /**
   * Wakes this caller from now on. For a record: when it may have changed since the program has read it. For a lock, call `listenSoon` when
   * it is worth a connection. The returned function ends it.
   */
  watch(name: string, subject: Wait['subject'], wake: () => void): () => void {
    const wait: Wait = { name, topic: this.#statements.topicOf(name), subject, wake };
    this.#waits.add(wait);
    clearTimeout(this.#lingering);
    if (subject === 'record') this.listenSoon();
    this.#schedule();
    return () => {
      this.#waits.delete(wait);
      if (this.#waits.size > 0) return;
      this.#lingering = setTimeout(() => this.close(), lingerMs).unref();
    };
  }

  /** Most waits are over before they are worth a connection. */
  listenSoon(): void {
    if (this.#listener || this.#isOpening || !this.#isTold) return;
    this.#isOpening = true;
    setTimeout(() => void this.#listen(), listenAfterMs).unref();
  }

  /** Call it when no caller waits any more. */
  close(): void {
    // By a goodbye, pg would never say how its connection went that is still being made.
    if (this.#listener) destroySocket(this.#listener);
    this.#listener = undefined;
  }

  #knownOf(topic: string): Known {
    const known = this.#known.get(topic) ?? { readAt: Number.NEGATIVE_INFINITY };
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(topic, known);
    return known;
  }

  #hear(topic: string, revision: string | null): void {
    const known = this.#knownOf(topic);
    const isNews = known.revision !== revision;
    known.revision = revision;
    if (isNews) for (const { wake } of this.#waitsFor('record', topic)) wake();
  }

  /** Without a topic: for any name. */
  #waitsFor(subject: Wait['subject'], topic?: string): Wait[] {
    return [...this.#waits].filter((wait) => wait.subject === subject && (topic ?? wait.topic) === wait.topic);
  }

  /** On a connection of its own, which does not keep the process alive. */
  async #listen(): Promise<void> {
    this.#isOpening = false;
    const client = this.#waits.size > 0 ? this.#database.newClient?.() : undefined;
    if (!client) return;
    this.#listener = client;
    const retryAt = performance.now() + listenIntervalMs;
    const lose = (): void => {
      destroySocket(client);
      if (this.#listener !== client) return;
      this.#listener = undefined;
      this.#listenNotBefore = retryAt;
      this.#lookAnew();
    };
    try {
      client.on('error', lose);
      client.on('notification', ({ payload = '' }) => this.#receive(payload));
      const starting = client.connect().then(() => {
        client.unref?.();
        return client.query(`LISTEN ${this.#statements.channel}`);
      });
      if (!(await settled(starting, listenIntervalMs))) throw new Error('no answer');
      await starting;
      this.#lookAnew();
    } catch {
      // The database cannot be reached, or does not allow it, as a standby.
      lose();
    }
  }

  #receive(message: string): void {
    const [head = '', revision = null] = message.split(' ');
    const topic = head.slice(1);
    if (head.startsWith('f')) for (const { wake } of this.#waitsFor('lock', topic)) wake();
    else if (this.#waitsFor('record', topic).length > 0 || this.#known.get(topic)?.revision === revision)
      this.#hear(topic, revision);
    // It came between two waits: the next one looks at once, and ends.
    else this.#known.delete(topic);
  }

  /** What happened before a connection listened, and when it was lost, is not told. */
  #lookAnew(): void {
    this.#lookAnewAt = performance.now();
    for (const known of this.#known.values()) known.readAt = this.#lookAnewAt - this.intervalMs;
    for (const { wake } of this.#waitsFor('lock')) wake();
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const oldest = Math.min(...this.#waitsFor('record').map(({ topic }) => this.#knownOf(topic).readAt));
    if (this.#isLooking || oldest === Number.POSITIVE_INFINITY) return;
    const delay = Math.max(0, oldest + this.intervalMs - performance.now());
    // Each wait has a timer of its own that keeps the process alive.
    this.#timer = setTimeout(() => void this.#look(), delay).unref();
  }

  async #look(): Promise<void> {
    const now = performance.now();
    // The program may have read a name meanwhile.
    const due = this.#waitsFor('record').filter(
      ({ topic }) => this.#knownOf(topic).readAt + this.intervalMs <= now + 1,
    );
    // Also if it fails: the callers get the error when they read, and the next look may succeed.
    for (const { topic } of due) this.#knownOf(topic).readAt = now;
    this.#isLooking = true;
    try {
      const names = new Set(due.map(({ name }) => toStoredName(name)));
      const rows = names.size === 0 ? [] : await this.#database.read(this.#statements.look, () => [[...names]]);
      for (const row of rows) this.read(nameOf(row), row.revision ?? null, now);
    } catch {
      // See above.
    } finally {
      this.#isLooking = false;
      this.listenSoon();
      this.#schedule();
    }
  }
}
