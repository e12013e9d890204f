/** This folder has the connection: the pool, one statement at a time, errors, and the connection that listens. */
import { Slots, settled, TokenStoreError } from 'token-store-kit';
import { beginStatements, limitSession } from '../statements.ts';
import { cancelStatement } from './cancel.ts';
import { isConnectionLoss, lateError, sqlStateOf, toStoreError } from './database-error.ts';
import type { ClientConstructor, ClientInternals, PgClient, PgPool, StandaloneClient } from './pg-pool.ts';
import { deadlineIn, type Limits, noteKind, type RetryOptions, retry } from './retry.ts';

/** Of one store. */
const maxStatements = { ownPool: 3, otherPool: 10 };
/** More than are used at a time: what waits for a connection of the own pool waits for a new one, and may have asked for it twice. */
export const ownPoolSize = 2 * maxStatements.ownPool;
/** Then the own pool is asked for one more connection: the network may have swallowed what the one before has sent. */
const askAgainMs = 2_000;
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
  readonly #slots: Slots;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** All that is under way, from the wait for a connection on, and its connection. */
  readonly #work = new Map<Promise<unknown>, PgClient | undefined>();

  constructor(name: string, pool: PgPool, Client: ClientConstructor | undefined, isOwn: boolean) {
    this.name = name;
    this.#pool = pool;
    this.#Client = Client;
    this.#isOwn = isOwn;
    this.#slots = new Slots(isOwn ? maxStatements.ownPool : maxStatements.otherPool);
    // Without a listener, a connection that breaks ends the process: an idle one, and a new one that the server ends in the same
    // packet with which it becomes ready.
    if (!surviving.has(pool)) pool.on('acquire', surviveErrors);
    surviveErrors(pool);
  }

  /** Runs one statement that changes nothing. Its values are asked for when a connection is there. */
  read(text: string, values?: () => unknown[], options?: RetryOptions): Promise<Row[]> {
    const read = (limits: Limits) => this.use((run) => run(text, values?.()), limits);
    return retry(read, { mayPass: 'nothing', ...options });
  }

  /** Runs one statement that may write, once. Its caller has to repeat it if its answer is lost: see `retry`. */
  write(text: string, values: unknown[], limits: Limits): Promise<Row[]> {
    return this.use((run) => run(text, values), limits, true);
  }

  /** Runs statements in one transaction on one connection. Without limits, only the connection and each statement have a deadline. */
  transaction<T>(
    work: (run: Run) => Promise<T>,
    limits: Limits = { deadline: Number.POSITIVE_INFINITY, answerMs: 10_000 },
  ): Promise<T> {
    const inTransaction = async (run: Run): Promise<T> => {
      for (const statement of beginStatements) await run(statement);
      const result = await work(run);
      await run('COMMIT');
      return result;
    };
    return this.use(inTransaction, limits, true);
  }

  /**
   * Runs statements on one connection, which ends if one fails. `isWrite`: a lack of rights means that the role may not write. At the
   * deadline it is over, whatever the driver does.
   */
  use<T>(work: Work<T>, limits: Limits = { deadline: deadlineIn(), answerMs: 10_000 }, isWrite = false): Promise<T> {
    const result = this.#inTurn(work, limits, isWrite, (client) => this.#work.set(result, client));
    this.#work.set(result, undefined);
    return result.finally(() => this.#work.delete(result));
  }

  /**
   * A connection outside of the pool, made with the same options, or with all of them but the name of the database. Undefined if there is no
   * such thing.
   */
  newClient(databaseName?: string): StandaloneClient | undefined {
    if (!this.#Client) return undefined;
    const { options } = this.#pool;
    const client = new this.#Client(options);
    const { host, port, user, password, ssl, database } = client;
    if (databaseName === undefined || host === undefined) return client;
    // A URL among the options would win over their `database`. A password file has the password for the database that was named.
    const others = { connectionString: undefined, host, port, user, ssl, database: databaseName };
    const samePassword = typeof password === 'function' ? () => password({ host, port, user, database }) : password;
    return new this.#Client({ ...options, ...others, password: samePassword });
  }

  /** Ends the pool if it is the store's own, after what is under way. Never hangs on a connection that is dead. */
  async close(): Promise<void> {
    await settled(this.#idle(), endTimeoutMs);
    if (!this.#isOwn) return;
    const ended = this.#pool.end();
    for (const client of this.#work.values()) if (client) destroySocket(client);
    await settled(ended, endTimeoutMs);
  }

  async #inTurn<T>(work: Work<T>, limits: Limits, isWrite: boolean, onConnect: (client: PgClient) => void): Promise<T> {
    const since = performance.now();
    const connectBy = Math.min(limits.deadline, deadlineIn());
    if (!(await this.#slots.acquire(connectBy - since))) throw this.#noTurnError(since);
    let ending: Promise<void> | undefined;
    try {
      const client = await this.#connect(connectBy, isWrite);
      onConnect(client);
      return await this.#use(client, work, limits, isWrite, () => {
        ending = cancelStatement(client as ClientInternals);
      });
    } finally {
      // The server is at work for a statement that was given up, until it hears that.
      if (ending) void ending.then(() => this.#slots.release());
      else this.#slots.release();
    }
  }

  async #use<T>(
    client: PgClient,
    work: Work<T>,
    { deadline, answerMs }: Limits,
    isWrite: boolean,
    onGivenUp: () => void,
  ): Promise<T> {
    let failed = true;
    const run = async (text: string, values: unknown[] = []): Promise<Row[]> => {
      try {
        const answer = client.query({ text, values, types: asText });
        if (!(await settled(answer, Math.min(answerMs, deadline - performance.now())))) {
          onGivenUp();
          throw lateError;
        }
        const { rows } = await answer;
        this.#answeredAt = performance.now();
        return rows as Row[];
      } catch (error) {
        const failure = toStoreError(this.name, error, isWrite);
        if (isConnectionLoss(error)) noteKind(failure, 'unanswered');
        else if (/^40(001|P01)$/.test(sqlStateOf(error) ?? '')) noteKind(failure, 'conflict');
        throw failure;
      }
    };
    try {
      if (this.#isOwn && !limited.has(client)) {
        await run(limitSession, [(client as ClientInternals).processID]);
        limited.add(client);
      }
      const result = await work(run, client);
      failed = false;
      return result;
    } finally {
      // After any failure, take a new connection: the server may have been restarted, promoted or replaced.
      if (failed) destroySocket(client);
      client.release(failed);
    }
  }

  async #connect(deadline: number, isWrite: boolean): Promise<PgClient> {
    const { promise, resolve, reject } = Promise.withResolvers<PgClient>();
    let isOver = false;
    const take = (client: PgClient): void => {
      if (isOver) client.release();
      isOver = true;
      resolve(client);
    };
    // A pool may throw as well, for a file that its URL names.
    const ask = (): void => void (async () => this.#pool.connect())().then(take).catch(reject);
    ask();
    const asking = this.#isOwn ? setInterval(ask, askAgainMs) : undefined;
    const isInTime = await settled(promise, deadline - performance.now());
    clearInterval(asking);
    isOver = true;
    const problem = `${this.name} gave no connection in time, or the pool has none free`;
    if (!isInTime) throw new TokenStoreError('STORE_OPEN', problem, { reason: 'unreachable', remedy: 'Try again' });
    return promise.catch((error) => {
      throw toStoreError(this.name, error, isWrite);
    });
  }

  #noTurnError(since: number): TokenStoreError {
    const remedy = 'Try again, with fewer calls at once';
    if (this.#answeredAt < since) {
      const problem = `${this.name} does not answer the calls that came before`;
      return new TokenStoreError('STORE_OPEN', problem, { reason: 'unreachable', remedy });
    }
    const problem = `${this.name} answers, but not all calls of this store in time`;
    return new TokenStoreError('STORE_BUSY', problem, { reason: 'database-locked', remedy });
  }

  /** Resolves when nothing is under way any more. Callers that gave up send a statement after the one that was under way. */
  async #idle(): Promise<void> {
    do {
      await Promise.allSettled(this.#work.keys());
      // What follows from it begins in the next ticks, and so does what a caller that waited has to undo.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#work.size > 0);
  }
}

/** Connections that have their limits. */
const limited = new WeakSet<PgClient>();
const surviving = new WeakSet<PgClient | PgPool>();

function surviveErrors(source: PgClient | PgPool): void {
  if (surviving.has(source)) return;
  surviving.add(source);
  source.on('error', noop);
}

/** pg says goodbye to the server, and waits for one that is gone. */
export function destroySocket(client: PgClient | StandaloneClient): void {
  (client as ClientInternals).connection?.stream?.destroy();
}
