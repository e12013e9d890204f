/** This folder has the connection: the pool, one statement at a time, errors, and the connection that listens. */
import { TokenStoreError } from 'token-store-kit';
import { beginStatements } from '../statements.ts';
import { isConnectionLoss, sqlStateOf, toStoreError } from './database-error.ts';
import type { ClientConstructor, ClientInternals, PgClient, PgPool, StandaloneClient } from './pg-pool.ts';
import { noteKind, retry, settled } from './retry.ts';

/** Our statements take milliseconds. An answer that takes this long does not come any more. */
const statementTimeoutMs = 5_000;
/** How long to wait for a connection of a pool, or for a new one. */
const connectTimeoutMs = 10_000;
/** A read that took longer to fail is not repeated: the network does not answer. */
const readRetryMs = 1_000;
/** How long `close` waits for statements, and then for the pool's connections to end. */
const endTimeoutMs = 1_000;

/** A row as the server sends it. */
export type Row = Readonly<Record<string, string | null>>;

export type Run = (text: string, values?: unknown[]) => Promise<Row[]>;

type Work<T> = (run: Run, client: PgClient) => Promise<T>;

const noop = (): void => {};
const asText = { getTypeParser: () => (value: string) => value };

/** Runs statements on a pool. Every failure is a TokenStoreError that quotes no statement and no value. */
export class Database {
  /** For messages. */
  readonly name: string;
  readonly #pool: PgPool;
  /** Undefined if the pool is not of pg: then there is no connection that could listen. */
  readonly #Client: ClientConstructor | undefined;
  /** Whether the pool is the store's own. */
  readonly #isOwn: boolean;
  /** All that is under way, from the wait for a connection on, and its connection. */
  readonly #work = new Map<Promise<unknown>, PgClient | undefined>();

  constructor(name: string, pool: PgPool, Client: ClientConstructor | undefined, isOwn: boolean) {
    this.name = name;
    this.#pool = pool;
    this.#Client = Client;
    this.#isOwn = isOwn;
    // Without a listener, a connection that breaks ends the process: an idle one, and a new one that the server ends in the same
    // packet with which it becomes ready.
    if (!surviving.has(pool)) pool.on('acquire', surviveErrors);
    surviveErrors(pool);
  }

  /** Runs one statement that changes nothing. */
  readonly read: Run = (text, values) => retry(() => this.use((run) => run(text, values)), { withinMs: readRetryMs });

  /** Runs one statement that may write, once. Its caller has to repeat it if its answer is lost: see `retry`. */
  write(text: string, values: unknown[], timeoutMs?: number): Promise<Row[]> {
    return this.use((run) => run(text, values), true, timeoutMs);
  }

  /** Runs statements in one transaction on one connection. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.use(async (run) => {
      for (const statement of beginStatements) await run(statement);
      const result = await work(run);
      await run('COMMIT');
      return result;
    }, true);
  }

  /** Runs statements on one connection, which ends if one fails. `isWrite`: a lack of rights means that the role may not write. */
  async use<T>(work: Work<T>, isWrite = false, timeoutMs = statementTimeoutMs): Promise<T> {
    const connecting = this.#connect(isWrite);
    const result = connecting.then((client) => this.#use(client, work, isWrite, timeoutMs));
    this.#work.set(result, undefined);
    connecting.then((client) => this.#work.set(result, client), noop);
    try {
      return await result;
    } finally {
      this.#work.delete(result);
    }
  }

  /** A connection outside of the pool, made with the same options. Undefined if there is no such thing. */
  newClient(): StandaloneClient | undefined {
    return this.#Client && new this.#Client(this.#pool.options);
  }

  /** Ends the pool if it is the store's own, after what is under way. Never hangs on a connection that is dead. */
  async close(): Promise<void> {
    await settled(this.#idle(), endTimeoutMs);
    if (!this.#isOwn) return;
    const ended = this.#pool.end();
    for (const client of this.#work.values()) if (client) destroySocket(client);
    await settled(ended, endTimeoutMs);
  }

  async #use<T>(client: PgClient, work: Work<T>, isWrite: boolean, timeoutMs: number): Promise<T> {
    let failed = true;
    const run = async (text: string, values: unknown[] = []): Promise<Row[]> => {
      try {
        return (await client.query({ text, values, query_timeout: timeoutMs, types: asText })).rows as Row[];
      } catch (error) {
        const failure = toStoreError(this.name, error, isWrite);
        if (isConnectionLoss(error)) noteKind(failure, 'unanswered');
        else if (/^40(001|P01)$/.test(sqlStateOf(error) ?? '')) noteKind(failure, 'conflict');
        throw failure;
      }
    };
    try {
      const result = await work(run, client);
      failed = false;
      return result;
    } finally {
      // After any failure, take a new connection: the server may have been restarted, promoted or replaced.
      if (failed) destroySocket(client);
      client.release(failed);
    }
  }

  async #connect(isWrite: boolean): Promise<PgClient> {
    const connecting = this.#pool.connect();
    if (await settled(connecting, connectTimeoutMs)) {
      return connecting.catch((error) => {
        throw toStoreError(this.name, error, isWrite);
      });
    }
    connecting.then((client) => client.release(), noop);
    const problem = `${this.name} gave no connection within ${connectTimeoutMs / 1_000} s, or the pool has none free`;
    throw new TokenStoreError('STORE_OPEN', problem, { reason: 'unreachable', remedy: 'Try again' });
  }

  /** Resolves when nothing is under way any more. Callers that gave up send a statement after the one that was under way. */
  async #idle(): Promise<void> {
    while (this.#work.size > 0) {
      await Promise.allSettled(this.#work.keys());
      // What follows from it begins in the next ticks.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const surviving = new WeakSet<PgClient | PgPool>();

function surviveErrors(source: PgClient | PgPool): void {
  if (surviving.has(source)) return;
  surviving.add(source);
  source.on('error', noop);
}

/** pg says goodbye to the server, and waits for one that is gone. */
function destroySocket(client: PgClient): void {
  (client as ClientInternals).connection?.stream?.destroy();
}
