import { settled } from 'token-store-kit';
import type { Database } from '../connection/database.ts';
import { destroySocket, type FullClient } from '../connection/pg-client.ts';
import { nameOf, type Statements, toStoredName } from '../statements.ts';

/** The interval of polls without LISTEN. Over a second, so that a program that itself reads the record once a second needs no poll. */
const pollIntervalMs = 1_100;
/** The interval of polls with LISTEN, whose connection may be dead without an error. Also limits attempts to listen, and spaces them. */
const listenIntervalMs = 5_000;
/** Waits up to `listenAfterMs` make no connection. After the last wait, the connection stays for `lingerMs`, as a next one may follow. */
const [listenAfterMs, lingerMs] = [40, 2_000];
/** Beyond this number, all are forgotten, and a few more statements are sent. */
const maxKnown = 10_000;

interface Wait {
  readonly name: string;
  readonly topic: string;
  /** For a record, the store polls. A caller that waits for a lock tries by itself, and is only woken when the lock may be free. */
  readonly subject: 'record' | 'lock';
  readonly wake: () => void;
}

/** What this store knows of a record. */
interface Known {
  /** The newest revision known to the store; null if there is no row. Undefined: the program may not have read the newest one. */
  revision?: string | null | undefined;
  /** When the record was last read, by `performance.now()`. */
  readAt: number;
}

/** Wakes the waiting callers of one store when their record or lock may have changed, by LISTEN or by a poll once a second. */
export class Watcher {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #waits = new Set<Wait>();
  readonly #known = new Map<string, Known>();
  /** The connection that listens, or is still being made for that. */
  #listener: FullClient | undefined;
  /** Infinity if no connection can listen. */
  #listenNotBefore: number;
  #isOpening = false;
  #isLooking = false;
  /** When LISTEN last began or was lost. The answer to an earlier query may lack a change that no notification reported. */
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

  /** How often a waiting caller polls. */
  get intervalMs(): number {
    return this.#isTold ? listenIntervalMs : pollIntervalMs;
  }

  /** Notes the revision that a statement, sent at `sentAt` or later (`performance.now()`), has read or written; null: there is no row. */
  read(name: string, revision: string | null, sentAt: number): void {
    const topic = this.#statements.topicOf(name);
    if (sentAt >= this.#lookAnewAt) this.#knownOf(topic).readAt = performance.now();
    this.#hear(topic, revision);
  }

  /**
   * Calls `wake` from now on when the record may have changed since the program read it, or when the lock may be free. For a lock, call
   * `listenSoon` once the wait is worth a connection. The returned function ends the watch.
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

  /** Listens after a moment: most waits are over before they are worth a connection. */
  listenSoon(): void {
    if (this.#listener || this.#isOpening || !this.#isTold) return;
    this.#isOpening = true;
    setTimeout(() => void this.#listen(), listenAfterMs).unref();
  }

  /** Call it when no caller waits any more. */
  close(): void {
    // Not by pg's `end`: if the client is still connecting, `connect` would then never settle.
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

  /** Listens on a connection of its own, which does not keep the process alive. */
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
      // The database cannot be reached, or does not allow LISTEN, as a standby.
      lose();
    }
  }

  #receive(message: string): void {
    const [head = '', revision = null] = message.split(' ');
    const topic = head.slice(1);
    if (head.startsWith('f')) for (const { wake } of this.#waitsFor('lock', topic)) wake();
    else if (this.#waitsFor('record', topic).length > 0 || this.#known.get(topic)?.revision === revision)
      this.#hear(topic, revision);
    // The notification came between two waits. Without a known revision, the next wait polls at once, and ends.
    else this.#known.delete(topic);
  }

  /** Makes all waiting callers look again: changes from before LISTEN began, or after it was lost, were not notified. */
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
    // `unref`, because each wait has a timer of its own that keeps the process alive.
    this.#timer = setTimeout(() => void this.#look(), delay).unref();
  }

  async #look(): Promise<void> {
    const now = performance.now();
    // Without the names that the program itself has read meanwhile.
    const due = this.#waitsFor('record').filter(
      ({ topic }) => this.#knownOf(topic).readAt + this.intervalMs <= now + 1,
    );
    // Even if the query fails: the callers get the error when they read, and the next poll may succeed.
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
