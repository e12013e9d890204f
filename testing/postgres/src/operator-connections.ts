import type { Client, QueryArrayResult } from 'pg';

/** Client has these two methods, but not in the types of pg. */
type KeptClient = Client & { ref(): void; unref(): void };

/** Keeps values as the server writes them: `t`, not true. */
const asText = { getTypeParser: () => String };

/** The superuser's connections, kept open for the next statements: starting psql for each takes ten times as long. */
export class OperatorConnections {
  readonly #folder: string;
  readonly #port: number;
  readonly #open = new Set<KeptClient>();
  /** Connections whose last call has ended. */
  readonly #idle: KeptClient[] = [];

  /** `folder`: the folder of the server's Unix socket. */
  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  /** Runs statements as one transaction. Returns lines of values with `|` between them. The next call gets a new session. */
  async query(sql: string): Promise<string> {
    const client = this.#idle.pop() ?? (await this.#connect());
    client.ref();
    try {
      const config = { text: sql, rowMode: 'array' as const, types: asText };
      const results: unknown = await client.query<string[]>(config);
      await client.query('DISCARD ALL');
      if (this.#open.has(client)) this.#idle.push(client);
      return ([results].flat() as QueryArrayResult<(string | null)[]>[])
        .flatMap(({ rows }) => rows.map((row) => row.map((value) => value ?? '').join('|')))
        .join('\n');
    } catch (error) {
      this.#drop(client);
      throw error;
    } finally {
      client.unref();
    }
  }

  close(): void {
    for (const client of this.#open) this.#drop(client);
  }

  async #connect(): Promise<KeptClient> {
    // Import late: not every test file that makes a cluster runs statements.
    const { default: pg } = await import('pg');
    const client = new pg.Client({
      host: this.#folder,
      port: this.#port,
      user: 'postgres',
      database: 'postgres',
      application_name: 'operator',
    }) as KeptClient;
    for (const event of ['error', 'end'] as const) client.on(event, () => this.#drop(client));
    await client.connect();
    this.#open.add(client);
    return client;
  }

  #drop(client: KeptClient): void {
    if (!this.#open.delete(client)) return;
    const index = this.#idle.indexOf(client);
    if (index >= 0) this.#idle.splice(index, 1);
    client.end().catch(() => {});
  }
}
