import type { Client, QueryArrayResult } from 'pg';

/** The types of pg do not know the two methods. */
type KeptClient = Client & { ref(): void; unref(): void };

/** Values as the server writes them: `t`, not true. */
const asText = { getTypeParser: () => String };

/** Connections of the superuser that are kept for the next statements: psql for each of them takes ten times as long. */
export class OperatorConnections {
  readonly #folder: string;
  readonly #port: number;
  readonly #open = new Set<KeptClient>();
  /** Whose last call is over. */
  readonly #idle: KeptClient[] = [];

  /** `folder`: where the server's Unix socket is. */
  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  /** Runs statements as one transaction. Values apart by `|`, rows by line ends. The next call finds a new session. */
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
    // Not every file that makes a cluster asks it anything.
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
