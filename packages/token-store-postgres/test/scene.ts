import { missingTools, type PgBouncer, PrivateCluster, TcpProxy } from 'testing-postgres';
import { test as uvuTest } from 'uvu';
import { openPostgresTokenStore, type PostgresTokenStore, type PostgresTokenStoreOptions } from '../src/index.ts';
import { killPrograms } from './start-program.ts';

type ClusterOptions = Parameters<typeof PrivateCluster.start>[0];

/** A cluster for one test file. What it opens is closed at the end. */
export class Scene {
  readonly cluster: PrivateCluster;
  readonly #bouncer = new Map<string, Promise<PgBouncer>>();
  readonly #opened: AsyncDisposable[] = [];
  #schemas = 0;

  constructor(cluster: PrivateCluster) {
    this.cluster = cluster;
  }

  /** A schema that no other test uses. */
  newSchema(): string {
    this.#schemas++;
    return `s${this.#schemas}`;
  }

  /** A store of its own schema, unless the options say otherwise. */
  async open(options: PostgresTokenStoreOptions = {}): Promise<PostgresTokenStore> {
    const defaults: PostgresTokenStoreOptions = { schema: options.schema ?? this.newSchema(), leaseTime: 5_000 };
    if (!options.pool) defaults.connectionString = this.cluster.connectionString();
    return this.closeLater(await openPostgresTokenStore({ ...defaults, ...options }));
  }

  /** pgbouncer in transaction mode before the cluster. */
  async bouncer(): Promise<PgBouncer> {
    let bouncer = this.#bouncer.get('');
    if (!bouncer) {
      bouncer = this.cluster.startPgBouncer();
      this.#bouncer.set('', bouncer);
    }
    return bouncer;
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
    for (const opened of this.#opened.reverse()) await opened[Symbol.asyncDispose]();
    for (const bouncer of this.#bouncer.values()) await (await bouncer)[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** The scene of a test file, and its `test`. Without PostgreSQL, all tests of the file are skipped. */
export async function startScene(options?: ClusterOptions): Promise<{ scene: Scene; test: typeof uvuTest }> {
  const missing = missingTools();
  if (missing !== undefined) {
    console.log(missing);
    const skipping = Object.assign((name: string) => uvuTest.skip(name, () => {}), uvuTest);
    return { scene: undefined as unknown as Scene, test: skipping as typeof uvuTest };
  }
  const scene = new Scene(await PrivateCluster.start(options));
  uvuTest.after(() => scene.end());
  return { scene, test: uvuTest };
}
