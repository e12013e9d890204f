/** This folder has the connection: the pool, one statement at a time, errors, and the connection that listens. */
import { Slots, settled, TokenStoreError } from 'token-store-kit';
import { beginStatements, limitSession } from '../statements.ts';
import { isConnectionLoss, lateError, toStoreError } from './database-error.ts';
import { cancelStatement, destroySocket, type FullClient, type PgClient, type PgPool } from './pg-client.ts';
import { deadlineIn, type Limits, type RetryOptions, retry, unanswered, unhurried } from './retry.ts';

/** Of one store. */
export const maxStatements = { ownPool: 3, otherPool: 10 };
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
  /** Makes a connection outside of the pool, with the same options. Undefined if the pool is not of pg. */
  readonly newClient: (() => FullClient) | undefined;
  readonly #pool: PgPool;
  readonly #isOwn: boolean;
  readonly #slots: Slots;
  /** When the server was last away for a call, by `performance.now()`: the holder of a lease may have been cut off. */
  lostAt = Number.NEGATIVE_INFINITY;
  /** When a connection was last lost in use: those that were idle then may be dead as well, without notice. */
  #brokenAt = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** All that is under way, from the wait for a connection to the last try. */
  readonly #work = new Set<Promise<unknown>>();
  /** Connections that are in use. */
  readonly #used = new Set<PgClient>();

  constructor(name: string, pool: PgPool, newClient: (() => FullClient) | undefined, isOwn: boolean) {
    this.name = name;
    this.#pool = pool;
    this.newClient = newClient;
    this.#isOwn = isOwn;
    this.#slots = new Slots(isOwn ? maxStatements.ownPool : maxStatements.otherPool);
    // Without a listener, a connection that breaks ends the process: an idle one, and one that the server ends as it becomes ready.
    if (!surviving.has(pool)) pool.on('acquire', surviveErrors);
    surviveErrors(pool);
  }

  /** Runs one statement that changes nothing. Its values are asked for when a connection is there. */
  read(text: string, values?: () => unknown[], options?: RetryOptions): Promise<Row[]> {
    return this.repeat((limits) => this.use((run) => run(text, values?.()), limits), options);
  }

  /** Runs one statement that may write. It has to find out itself whether it was done before, by a try whose answer was lost. */
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

  /** Repeats work as {@link retry} does, and `close` waits for it also between two tries. */
  repeat<T>(work: (limits: Limits) => Promise<T>, options?: RetryOptions): Promise<T> {
    const result = retry(work, options);
    this.#work.add(result);
    return result.finally(() => this.#work.delete(result));
  }

  /**
   * Runs statements on one connection, which ends if one fails. `isWrite`: a lack of rights means that the role may not write. At the
   * deadline it is over, whatever the driver does.
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
        // After any failure, take a new connection: the server may have been restarted, promoted or replaced.
        if (hasFailed) discard(client);
        else client.release();
      }
    } finally {
      // The server is at work for a statement that was given up, until it hears that.
      if (canceling) void canceling.then(() => this.#slots.release());
      else this.#slots.release();
    }
  }

  /** Ends the pool if it is the store's own, after what is under way. Does not wait for a connection that is dead. */
  async close(): Promise<void> {
    await settled(this.#idle(), endTimeoutMs);
    if (!this.#isOwn) return;
    const ended = this.#pool.end();
    for (const client of this.#used) destroySocket(client);
    await settled(ended, endTimeoutMs);
  }

  async #connect(deadline: number, isWrite: boolean): Promise<PgClient> {
    // What pg throws at once is a failure to connect as well.
    const connecting = (async () => this.#pool.connect())();
    try {
      if (await settled(connecting, deadline - performance.now())) return await connecting;
    } catch (error) {
      throw this.#toStoreError(error, isWrite);
    }
    // It may come later.
    connecting.then((client) => client.release(), noop);
    throw this.#noConnectionError();
  }

  #toStoreError(error: unknown, isWrite: boolean): TokenStoreError {
    const failure = toStoreError(this.name, error, isWrite);
    if (failure.reason === 'unreachable' || failure.reason === 'read-only-server') this.lostAt = performance.now();
    return failure;
  }

  /** `since`: the call has waited for its turn since then. */
  #noConnectionError(since = Number.POSITIVE_INFINITY): TokenStoreError {
    const remedy = 'Try again, with fewer calls at once';
    if (this.#answeredAt > since) {
      const problem = `${this.name} answers, but not all calls of this store in time`;
      return new TokenStoreError('STORE_BUSY', problem, { reason: 'database-locked', remedy });
    }
    this.lostAt = performance.now();
    const problem = `${this.name} gave no connection in time, or the pool has none free`;
    return new TokenStoreError('STORE_OPEN', problem, { reason: 'unreachable', remedy });
  }

  /** Resolves when nothing is under way any more. Callers that gave up send a statement after the one that was under way. */
  async #idle(): Promise<void> {
    do {
      await Promise.allSettled(this.#work);
      // What follows from it begins in the next ticks, and so does what a caller that waited has to undo.
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
