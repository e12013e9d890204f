import pg from 'pg';
import { killPrograms } from 'testing-authority/start-program';
import { within } from 'testing-authority/within';
import { missingTools, type PgBouncer, PrivateCluster, TcpProxy, testOrSkip } from 'testing-postgres';
import { test as uvuTest } from 'uvu';
import { openPostgresTokenStore, type PostgresTokenStore, type PostgresTokenStoreOptions } from '../src/index.ts';

export type Test = typeof uvuTest;
type ClusterOptions = Parameters<typeof PrivateCluster.start>[0];

let commonCluster: Promise<PrivateCluster> | undefined;
let schemas = 0;

/** What a test file works with. What it opens is closed at the end. */
export class Scene {
  readonly cluster: PrivateCluster;
  #bouncer: Promise<PgBouncer> | undefined;
  readonly #opened: AsyncDisposable[] = [];

  constructor(cluster: PrivateCluster) {
    this.cluster = cluster;
  }

  /** A schema that no other test uses. */
  newSchema(): string {
    schemas++;
    return `s${schemas}`;
  }

  /** A store of its own schema, unless the options say otherwise. */
  async open(options: PostgresTokenStoreOptions = {}): Promise<PostgresTokenStore> {
    const defaults: PostgresTokenStoreOptions = { schema: options.schema ?? this.newSchema(), leaseTime: 5_000 };
    if (!options.pool) defaults.connectionString = this.cluster.connectionString();
    return this.closeLater(await openPostgresTokenStore({ ...defaults, ...options }));
  }

  /** A pool of the caller's, whose connections have this name. */
  newPool(name: string, options: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.cluster.connectionString(), application_name: name, ...options });
    this.closeLater({ [Symbol.asyncDispose]: () => pool.end() });
    return pool;
  }

  /** pgbouncer in transaction mode before the cluster. */
  bouncer(): Promise<PgBouncer> {
    this.#bouncer ??= this.cluster.startPgBouncer();
    return this.#bouncer;
  }

  /** A proxy before the cluster. */
  async proxy(): Promise<TcpProxy> {
    return this.closeLater(await TcpProxy.start(this.cluster.port));
  }

  closeLater<T extends AsyncDisposable>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }

  async end(): Promise<void> {
    killPrograms();
    // A test that failed may have left a task running, for which its store would wait.
    const closing = this.#opened.map((opened) =>
      within('the end', Promise.resolve(opened[Symbol.asyncDispose]()), 3_000),
    );
    await Promise.allSettled(closing);
    await (await this.#bouncer)?.[Symbol.asyncDispose]();
    if (this.cluster !== (await commonCluster)) await this.cluster[Symbol.asyncDispose]();
  }
}

/**
 * The scene of a test file, and its `test`. Tests of `together` run five at a time, because they mostly wait. Without PostgreSQL,
 * all tests of the file are skipped.
 */
export async function startScene(
  options?: ClusterOptions,
  tools?: readonly string[],
): Promise<{ scene: Scene; test: Test; together: Test }> {
  const missing = missingTools(tools);
  const test = testOrSkip(missing);
  if (missing !== undefined) return { scene: undefined as unknown as Scene, test, together: test };
  const scene = new Scene(await (options ? PrivateCluster.start(options) : startCommonCluster()));
  test.after(() => scene.end());
  return { scene, test, together: runTogether() };
}

/** For all test files of a process that need no settings of their own: to start one takes a third of a second of a processor. */
function startCommonCluster(): Promise<PrivateCluster> {
  if (!commonCluster) {
    commonCluster = PrivateCluster.start();
    process.once('beforeExit', async () => (await commonCluster)?.[Symbol.asyncDispose]());
  }
  return commonCluster;
}

const atATime = 5;

function runTogether(): Test {
  const waiting: (() => Promise<void>)[] = [];
  let isRunning = false;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next();
  };
  const together = (name: string, check: () => unknown): void => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {});
    waiting.push(async () => {
      try {
        await check();
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    uvuTest(name, () => {
      if (!isRunning) for (let worker = 0; worker < atATime; worker++) void work();
      isRunning = true;
      return promise;
    });
  };
  return Object.assign(together, uvuTest) as Test;
}
