/** This folder connects to PostgreSQL: the pool, statements, retries, errors, and clients outside of the pool, such as for LISTEN. */
import { Slots, settled, TokenStoreError } from 'token-store-kit';
import { beginStatements, limitSession } from '../statements.ts';
import { isConnectionLoss, lateError, toStoreError } from './database-error.ts';
import { cancelStatement, destroySocket, type FullClient, type PgClient, type PgPool } from './pg-client.ts';
import { deadlineIn, type Limits, type RetryOptions, retry, unanswered, unhurried } from './retry.ts';

/** How many statements of one store run at the same time. */
export const maxStatements = { ownPool: 3, otherPool: 10 };
/** How long `close` waits for statements, and then once more for the pool's connections to end. */
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
  /** Makes a connection outside of the pool, with the same options. Undefined if the pool is not of pg. */
  readonly newClient: (() => FullClient) | undefined;
  readonly #pool: PgPool;
  readonly #isOwn: boolean;
  readonly #slots: Slots;
  /** When a call last found the server unreachable or read-only, by `performance.now()`. A lock holder may have been cut off then, too. */
  lostAt = Number.NEGATIVE_INFINITY;
  /** When a connection was last lost during a statement. Connections that were idle at that time may be dead, too, without an error. */
  #brokenAt = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** Calls that have not ended: each lasts from its wait for a connection to its last try. */
  readonly #work = new Set<Promise<unknown>>();
  readonly #used = new Set<PgClient>();

  constructor(name: string, pool: PgPool, newClient: (() => FullClient) | undefined, isOwn: boolean) {
    this.name = name;
    this.#pool = pool;
    this.newClient = newClient;
    this.#isOwn = isOwn;
    this.#slots = new Slots(isOwn ? maxStatements.ownPool : maxStatements.otherPool);
    // An `error` event without a listener ends the process: of an idle connection, or of one that the server ends as it becomes ready.
    if (!surviving.has(pool)) pool.on('acquire', surviveErrors);
    surviveErrors(pool);
  }

  /** Runs one statement that changes nothing. Each try calls `values` when it has a connection. */
  read(text: string, values?: () => unknown[], options?: RetryOptions): Promise<Row[]> {
    return this.repeat((limits) => this.use((run) => run(text, values?.()), limits), options);
  }

  /** Runs one statement that may write. The statement itself must detect whether an earlier try, whose answer was lost, was done. */
  write(text: string, values: () => unknown[], options?: RetryOptions): Promise<Row[]> {
    return this.repeat((limits) => this.use((run) => run(text, values()), limits, true), options);
  }

  /** Runs statements in one transaction on one connection. */
  transaction<T>(work: Work<T>, options: RetryOptions): Promise<T> {
    const inTransaction: Work<T> = async (run, client) => {
      for (const statement of beginStatements) await run(statement);
      const result = await work(run, client);
      await run('COMMIT');
      return result;
    };
    return this.repeat((limits) => this.use(inTransaction, limits, true), options);
  }

  /** Runs `work` by {@link retry}. `close` waits for the work, also between two tries. */
  repeat<T>(work: (limits: Limits) => Promise<T>, options?: RetryOptions): Promise<T> {
    const result = retry(work, options);
    this.#work.add(result);
    return result.finally(() => this.#work.delete(result));
  }

  /**
   * Runs statements on one connection, which is closed if a statement fails. Ends by the deadline, whatever the driver does. `isWrite`: a
   * lack of rights is reported as STORE_READONLY.
   */
  async use<T>(work: Work<T>, { deadline, answerMs } = unhurried, isWrite = false): Promise<T> {
    const since = performance.now();
    const connectBy = Math.min(deadline, deadlineIn());
    if (!(await this.#slots.acquire(connectBy - since))) throw this.#noConnectionError(since);
    let canceling: Promise<void> | undefined;
    try {
      let client = await this.#connect(connectBy, isWrite);
      while ((lastUsed.get(client) ?? Number.POSITIVE_INFINITY) < this.#brokenAt) {
        discard(client);
        client = await this.#connect(connectBy, isWrite);
      }
      this.#used.add(client);
      const run: Run = async (text, values = []) => {
        try {
          const answer = client.query({ text, values, types: asText });
          if (!(await settled(answer, Math.min(answerMs, deadline - performance.now())))) {
            canceling = cancelStatement(client);
            throw lateError;
          }
          const { rows } = await answer;
          this.#answeredAt = performance.now();
          return rows as Row[];
        } catch (error) {
          const failure = this.#toStoreError(error, isWrite);
          if (isConnectionLoss(error)) {
            unanswered.add(failure);
            this.#brokenAt = performance.now();
          }
          throw failure;
        }
      };
      let hasFailed = true;
      try {
        if (this.#isOwn && !lastUsed.has(client))
          await run(limitSession, [(client as { processID?: unknown }).processID]);
        const result = await work(run, client);
        hasFailed = false;
        return result;
      } finally {
        this.#used.delete(client);
        lastUsed.set(client, performance.now());
        // After any failure, the next call needs a new connection: the server may have been restarted, promoted or replaced.
        if (hasFailed) discard(client);
        else client.release();
      }
    } finally {
      // The server still runs an abandoned statement until the cancel request arrives, so the slot stays taken until then.
      if (canceling) void canceling.then(() => this.#slots.release());
      else this.#slots.release();
    }
  }

  /** Waits for calls that have not ended, then ends the pool if it is the store's own. Does not wait for dead connections. */
  async close(): Promise<void> {
    await settled(this.#idle(), endTimeoutMs);
    if (!this.#isOwn) return;
    const ended = this.#pool.end();
    for (const client of this.#used) destroySocket(client);
    await settled(ended, endTimeoutMs);
  }

  async #connect(deadline: number, isWrite: boolean): Promise<PgClient> {
    // In an async function, because pg may throw instead of reject.
    const connecting = (async () => this.#pool.connect())();
    try {
      if (await settled(connecting, deadline - performance.now())) return await connecting;
    } catch (error) {
      throw this.#toStoreError(error, isWrite);
    }
    // A connection that is made after the deadline goes back to the pool.
    connecting.then((client) => client.release(), noop);
    throw this.#noConnectionError();
  }

  #toStoreError(error: unknown, isWrite: boolean): TokenStoreError {
    const failure = toStoreError(this.name, error, isWrite);
    if (failure.reason === 'unreachable' || failure.reason === 'read-only-server') this.lostAt = performance.now();
    return failure;
  }

  /** `since`: when the call began to wait for a slot, by `performance.now()`. Default: the call had a slot. */
  #noConnectionError(since = Number.POSITIVE_INFINITY): TokenStoreError {
    const remedy = 'Try again, with fewer calls at once';
    if (this.#answeredAt > since) {
      const problem = `${this.name} answers, but not all calls of this store in time`;
      return new TokenStoreError('STORE_BUSY', problem, { reason: 'database-locked', remedy });
    }
    this.lostAt = performance.now();
    const problem = `${this.name} gave no connection in time: the server did not answer, or all connections of the pool are in use`;
    return new TokenStoreError('STORE_OPEN', problem, { reason: 'unreachable', remedy });
  }

  /** Resolves when all calls have ended, and those that follow from them: a caller that gave up waiting for a lock still releases it. */
  async #idle(): Promise<void> {
    do {
      await Promise.allSettled(this.#work);
      // A call that follows from another begins some ticks after it.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#work.size > 0);
  }
}

/** When a connection was given back, by `performance.now()`. */
const lastUsed = new WeakMap<PgClient, number>();

function discard(client: PgClient): void {
  destroySocket(client);
  client.release(true);
}

const surviving = new WeakSet<object>();

function surviveErrors(source: PgClient | PgPool): void {
  if (surviving.has(source)) return;
  surviving.add(source);
  source.on('error', noop);
}
