import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { PgClient, PgPool, PgQuery } from '../src/index.ts';

/**
 * What becomes of a statement: it and its answer arrive; it arrives, and its answer is lost; it is lost itself; it arrives late and is
 * answered; it arrives, and is answered late; it arrives late, when its answer was given up; it arrives, is answered, and arrives once more; the server refuses it, because a
 * row was locked for too long, or because it takes no writes.
 */
export type Fate =
  | { readonly type: 'normal' | 'unanswered' | 'lost' | 'refused' | 'read-only' }
  | { readonly type: 'slow' | 'delayed' | 'late' | 'repeated'; readonly after: number | Promise<unknown> };

/** A pool of real connections on which real statements are late, repeated or unanswered, as over a bad network. */
export class UnreliablePool implements PgPool {
  /** For the connection that listens. */
  readonly Client = pg.Client;
  readonly #pool: pg.Pool;
  readonly #decide: (text: string) => Fate | Promise<Fate>;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(connectionString: string, decide: (text: string) => Fate | Promise<Fate>) {
    this.#pool = new pg.Pool({ connectionString, max: 20 });
    this.#pool.on('error', () => {});
    this.#decide = decide;
  }

  get options(): object {
    return this.#pool.options;
  }

  get idleCount(): number {
    return this.#pool.idleCount;
  }

  async connect(): Promise<PgClient> {
    const client = await this.#pool.connect();
    const { processID } = client as { processID?: number };
    const wrapped = {
      processID,
      query: (query: PgQuery) => this.#query(client as unknown as PgClient, query),
      release: (destroy?: boolean) => client.release(destroy),
      on: (event: 'error', listener: (error: Error) => void) => client.on(event, listener),
    };
    return wrapped;
  }

  on(event: 'error', listener: (error: Error) => void): void {
    this.#pool.on(event, listener);
  }

  removeListener(event: 'error', listener: (error: Error) => void): void {
    this.#pool.removeListener(event, listener);
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  /** Waits until all late statements have arrived. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settle();
    await this.#pool.end();
  }

  async #query(client: PgClient, query: PgQuery): Promise<{ rows: unknown[] }> {
    const fate = await this.#decide(query.text);
    if (fate.type === 'late' || fate.type === 'repeated') this.#sendLater(query, fate.after);
    if (fate.type === 'lost' || fate.type === 'late') throw new Error('Connection terminated unexpectedly');
    if (fate.type === 'refused') throw Object.assign(new Error(), { code: '55P03', severity: 'ERROR' });
    if (fate.type === 'read-only') throw Object.assign(new Error(), { code: '25006', severity: 'ERROR' });
    if (fate.type === 'slow') await after(fate.after);
    const answer = await client.query(query);
    if (fate.type === 'delayed') await after(fate.after);
    if (fate.type === 'unanswered') throw new Error('Connection terminated unexpectedly');
    return answer;
  }

  #sendLater(query: PgQuery, when: number | Promise<unknown>): void {
    const sending = (async () => {
      await after(when);
      await this.#pool.query(query as unknown as pg.QueryConfig).catch(() => {});
    })();
    this.#underWay.add(sending);
    void sending.finally(() => this.#underWay.delete(sending));
  }
}

/** Waits for so many milliseconds, or for the promise. */
async function after(when: number | Promise<unknown>): Promise<void> {
  await (typeof when === 'number' ? delay(when) : when);
}
