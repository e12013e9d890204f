/** This folder has the connection: the pool, one statement at a time, errors, and the connection that listens. */
import { TokenStoreError } from 'token-store-kit';
import { beginStatements } from '../statements.ts';
import { isConnectionLoss, sqlStateOf, toStoreError } from './database-error.ts';
import type { ClientConstructor, ClientInternals, PgClient, PgPool, StandaloneClient } from './pg-pool.ts';
import { noteKind, retry } from './retry.ts';

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

/** Runs a statement on one connection. */
export type Run = (text: string, values?: unknown[]) => Promise<Row[]>;

export interface RunOptions {
  /** Milliseconds for the statement, after it was sent. */
  timeout?: number;
  /** Whether a lack of rights means that the role may not write. */
  isWrite?: boolean;
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

/** Runs statements on a pool. Every failure is a TokenStoreError that quotes no statement and no value. */
export class Database {
  readonly name: string;
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

  /** Runs one statement that changes nothing. */
  read(text: string, values: unknown[] = []): Promise<Row[]> {
    return retry(() => this.use((run) => run(text, values)), { withinMs: readRetryMs });
  }

  /** Runs one statement that may write once. Its caller has to repeat it if its answer is lost: see `retry`. */
  write(text: string, values: unknown[], timeout?: number): Promise<Row[]> {
    return this.use((run) => run(text, values), { isWrite: true, ...(timeout !== undefined && { timeout }) });
  }

  /** Runs statements in one transaction on one connection. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    const inTransaction = async (run: Run): Promise<T> => {
      for (const statement of beginStatements) await run(statement);
      const result = await work(run);
      await run('COMMIT');
      return result;
    };
    return this.use(inTransaction, { isWrite: true });
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

  async #use<T>(
    work: (run: Run, client: PgClient) => Promise<T>,
    { timeout = statementTimeoutMs, isWrite = false }: RunOptions,
  ): Promise<T> {
    const client = await this.#connect(isWrite);
    this.#used.add(client);
    const run = async (text: string, values: unknown[] = []): Promise<Row[]> => {
      try {
        const query = { text, values, binary: false, query_timeout: timeout, types: asText };
        return (await client.query(query)).rows as Row[];
      } catch (error) {
        const failure = toStoreError(this.name, error, isWrite);
        if (isConnectionLoss(error)) noteKind(failure, 'unanswered');
        else if (/^40(001|P01)$/.test(sqlStateOf(error) ?? '')) noteKind(failure, 'conflict');
        throw failure;
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

  async #connect(isWrite: boolean): Promise<PgClient> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(this.#noConnectionError());
    }, connectTimeoutMs);
    const connecting = this.#pool.connect().catch((error) => {
      throw toStoreError(this.name, error, isWrite);
    });
    connecting.then((client) => isLate && client.release(), noop);
    try {
      return await Promise.race([connecting, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #noConnectionError(): TokenStoreError {
    const problem = `${this.name} gave no connection within ${connectTimeoutMs / 1_000} s, or the pool has none free`;
    return new TokenStoreError('STORE_OPEN', problem, { reason: 'unreachable', remedy: 'Try again' });
  }

  #release(client: PgClient, failed: boolean): void {
    // After any failure, take a new connection: the server may have been restarted, promoted or replaced.
    if (failed) destroySocket(client);
    const isSurplus = this.#ownPool && (this.#ownPool.idleTimeoutMs === 0 || this.#pool.idleCount > 0);
    client.release(failed || isSurplus);
  }

  /** Resolves when nothing is under way any more. Callers that gave up send a statement after the one that was under way. */
  async #idle(): Promise<void> {
    while (this.#work.size > 0) {
      await Promise.allSettled(this.#work);
      // What follows from it begins in the next ticks.
      await new Promise((resolve) => setImmediate(resolve));
    }
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

/** pg says goodbye to the server, and waits for one that is gone. */
function destroySocket(client: PgClient): void {
  (client as ClientInternals).connection?.stream?.destroy();
}
