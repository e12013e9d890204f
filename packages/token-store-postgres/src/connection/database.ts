/** This folder has the connection: the pool, one statement at a time, errors, and the connection that listens. */
import { TokenStoreError } from 'token-store-kit';
import { DatabaseClock } from './database-clock.ts';
import { isConnectionLoss, sqlStateOf, toStoreError } from './database-error.ts';
import type { ClientConstructor, ClientInternals, PgClient, PgPool, PgQuery, StandaloneClient } from './pg-pool.ts';

/** Our statements take milliseconds. An answer that takes this long does not come any more. */
const statementTimeoutMs = 5_000;
/** How long to wait for a connection of a pool, or for a new one. */
const connectTimeoutMs = 10_000;
/** A statement that took longer to fail is not run again at once: the network does not answer. */
const repeatLimitMs = 1_000;
/** How often a statement is run if the server ends it in favor of another one (SQLSTATE 40001, 40P01). */
const conflictAttempts = 10;
/** How long `close` waits for statements, and then for the pool's connections to end. */
const endTimeoutMs = 1_000;

/**
 * Makes the commit of a statement durable if the database is set to lose the newest commits in a crash: the provider gives a token
 * only once, and a lock that is forgotten is held twice.
 */
export const durably =
  "(SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off')";

/**
 * A statement waits so long for a row that another session has locked, and, behind others that wait, once more. Then its connection
 * still waits for the answer.
 */
const rowLockTimeoutMs = 2_000;

/**
 * A condition that is always true, and limits how long its statement waits for a row: else the server would go on with a statement
 * whose answer was given up, and one process of the server for each of them. A shorter limit of the role's stays.
 */
export function waitingAtMost(milliseconds = rowLockTimeoutMs): string {
  return `(SELECT CASE current_setting('lock_timeout') WHEN '0' THEN set_config('lock_timeout', '${milliseconds}', true) ELSE '' END) IS NOT NULL`;
}

/** A row as the server sends it. */
export type Row = Readonly<Record<string, string | null>>;

/** Runs a statement on one connection. */
export type Run = (text: string, values?: unknown[]) => Promise<Row[]>;

export interface RunOptions {
  /** Milliseconds for the statement, after it was sent. */
  timeout?: number;
  /** Whether a lack of rights means that the role may not write. */
  isWrite?: boolean;
  /** Runs it once more if the connection was broken already. For statements that change nothing. */
  repeatable?: boolean;
}

export interface DatabaseOptions {
  readonly pool: PgPool;
  /** If the pool is the store's own: how long an unused connection is kept. */
  readonly ownPool: { readonly idleTimeoutMs: number } | undefined;
  /** Undefined if the pool is not of pg: then there is no connection that could listen. */
  readonly Client: ClientConstructor | undefined;
  /** Host, port and name, for messages. */
  readonly name: string;
}

const noop = (): void => {};
const asText = { getTypeParser: () => (value: string) => value };
/** Errors after which it is unknown whether the statement took place. */
const unanswered = new WeakSet<object>();

/** Whether the answer to a statement was lost, so that it may have taken place. */
export function isUnanswered(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unanswered.has(error);
}

/** Runs statements on a pool. Every failure is a TokenStoreError that quotes no statement and no value. */
export class Database {
  readonly name: string;
  /** Set by every statement that returns `now_ms`. */
  readonly clock = new DatabaseClock();
  readonly #pool: PgPool;
  readonly #ownPool: DatabaseOptions['ownPool'];
  readonly #Client: ClientConstructor | undefined;
  /** Connections that are in use now. */
  readonly #used = new Set<PgClient>();
  /** All that is under way, from the wait for a connection on. */
  readonly #work = new Set<Promise<unknown>>();

  constructor({ pool, ownPool, Client, name }: DatabaseOptions) {
    this.#pool = pool;
    this.#ownPool = ownPool;
    this.#Client = Client;
    this.name = name;
    // Without a listener, a connection that breaks ends the process: an idle one, and a new one that the server ends in the same
    // packet with which it becomes ready.
    pool.on('error', noop);
    pool.on('acquire', surviveErrors);
  }

  /** Runs one statement, which is its own transaction, and returns its rows. */
  async run(text: string, values: unknown[], options: RunOptions = {}): Promise<Row[]> {
    const { repeatable = false } = options;
    const started = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.use((run) => run(text, values), options);
      } catch (error) {
        const isQuick = performance.now() - started < repeatLimitMs;
        if (repeatable && isQuick && attempt === 1 && isUnanswered(error)) continue;
        if (attempt >= conflictAttempts || !isConflict(error)) throw error;
      }
    }
  }

  /** Runs statements on one connection. It goes back to the pool, or is destroyed if one of them fails. */
  async use<T>(work: (run: Run, client: PgClient) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const result = this.#use(work, options);
    this.#work.add(result);
    try {
      return await result;
    } finally {
      this.#work.delete(result);
    }
  }

  async #use<T>(
    work: (run: Run, client: PgClient) => Promise<T>,
    { timeout = statementTimeoutMs, isWrite = false }: RunOptions,
  ): Promise<T> {
    const client = await this.#connect(isWrite);
    this.#used.add(client);
    const run = async (text: string, values: unknown[] = []): Promise<Row[]> => {
      const query: PgQuery = { text, values, binary: false, query_timeout: timeout, types: asText };
      const sentAt = this.clock.elapsedMs;
      try {
        const rows = (await client.query(query)).rows as Row[];
        const now = rows[0]?.now_ms;
        if (now) this.clock.sync(Number(now), sentAt);
        return rows;
      } catch (error) {
        throw this.#failure(error, isWrite);
      }
    };
    let failed = true;
    try {
      const result = await work(run, client);
      failed = false;
      return result;
    } finally {
      this.#used.delete(client);
      this.#release(client, failed);
    }
  }

  /** Runs statements in one transaction on one connection. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    const inTransaction = async (run: Run): Promise<T> => {
      await run('BEGIN ISOLATION LEVEL READ COMMITTED');
      await run(`SELECT ${durably}`);
      const result = await work(run);
      await run('COMMIT');
      return result;
    };
    return this.use(inTransaction, { isWrite: true });
  }

  /** A connection outside of the pool, made with the same options. Undefined if there is no such thing. */
  newClient(): StandaloneClient | undefined {
    return this.#Client && new this.#Client(this.#pool.options);
  }

  /** Ends the pool if it is the store's own, after what is under way. Never hangs on a connection that is dead. */
  async close(): Promise<void> {
    await inTime(endTimeoutMs, this.#idle());
    if (!this.#ownPool) {
      this.#pool.removeListener('error', noop);
      this.#pool.removeListener('acquire', surviveErrors);
      return;
    }
    const ended = this.#pool.end().catch(noop);
    for (const client of this.#used) destroySocket(client);
    await inTime(endTimeoutMs, ended);
  }

  /** Resolves when nothing is under way any more. Callers that gave up send a statement after the one that was under way. */
  async #idle(): Promise<void> {
    while (this.#work.size > 0) {
      await Promise.allSettled(this.#work);
      // What follows from it begins in the next ticks.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #connect(isWrite: boolean): Promise<PgClient> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      const message = `${this.name} gave no connection within ${connectTimeoutMs / 1_000} s, or the pool has none free. Try again`;
      reject(new TokenStoreError('STORE_OPEN', message, { reason: 'unreachable' }));
    }, connectTimeoutMs);
    const connecting = this.#pool.connect();
    connecting.then((client) => isLate && client.release(), noop);
    try {
      return await Promise.race([connecting, late]);
    } catch (error) {
      throw toStoreError(this.name, error, isWrite);
    } finally {
      clearTimeout(timer);
    }
  }

  #release(client: PgClient, failed: boolean): void {
    // After any failure, take a new connection: the server may have been restarted, promoted or replaced.
    if (failed) destroySocket(client);
    const isSurplus = this.#ownPool && (this.#ownPool.idleTimeoutMs === 0 || this.#pool.idleCount > 0);
    client.release(failed || isSurplus);
  }

  #failure(error: unknown, isWrite: boolean): TokenStoreError {
    const failure = toStoreError(this.name, error, isWrite);
    if (isConnectionLoss(error)) unanswered.add(failure);
    if (/^40(001|P01)$/.test(sqlStateOf(error) ?? '')) conflicts.add(failure);
    return failure;
  }
}

async function inTime(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

const surviving = new WeakSet<PgClient>();

function surviveErrors(client: PgClient): void {
  if (surviving.has(client)) return;
  surviving.add(client);
  client.on('error', noop);
}

/** Failures of statements that the server ended in favor of another session's. */
const conflicts = new WeakSet<object>();

function isConflict(error: unknown): boolean {
  return typeof error === 'object' && error !== null && conflicts.has(error);
}

/** pg says goodbye to the server, and waits for one that is gone. */
function destroySocket(client: PgClient): void {
  (client as ClientInternals).connection?.stream?.destroy();
}
