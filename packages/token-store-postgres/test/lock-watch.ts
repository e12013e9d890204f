import { setTimeout as delay } from 'node:timers/promises';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore } from '../src/index.ts';
import { statementsFor } from '../src/statements.ts';
import type { Scene } from './scene.ts';

export const never = async (): Promise<never> => {
  throw new Error('the task ran');
};

/** A generous deadline: what it limits takes milliseconds. */
export const deadlineMs = 30_000;

/** Holds the lock of `app` until `end` is called. */
export async function hold(
  store: PostgresTokenStore,
): Promise<{ end(): Promise<void>; signal: AbortSignal; task: Promise<void> }> {
  const begun = Promise.withResolvers<AbortSignal>();
  const ending = Promise.withResolvers<void>();
  const task = store.exclusively('app', async ({ signal }) => {
    begun.resolve(signal);
    await ending.promise;
  });
  const end = (): Promise<void> => {
    ending.resolve();
    return within('the end of the task', task, deadlineMs);
  };
  return { end, signal: await within('the lock', Promise.race([begun.promise, task.then(never)]), deadlineMs), task };
}

export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + deadlineMs; !(await isSo()); await delay(10)) {
    assert.ok(performance.now() < end, `it is never so: ${what}`);
  }
}

/** What the tests of the lock see of a scene's database. */
export class LockWatch {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** A column of the lease of `app`. */
  leaseOf(schema: string, column: string): Promise<string> {
    return this.#scene.cluster.query(`SELECT ${column} FROM ${schema}.oauth_token_lease WHERE name = 'app'`);
  }

  /** What callers before have noted lasts for seconds: without this, {@link untilWanted} would not wait for the next one. */
  async forgetWanted(schema: string): Promise<void> {
    await this.#scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET wanted_until = NULL`);
  }

  /** Until a caller has noted that it waits. */
  untilWanted(schema: string): Promise<void> {
    return until('a caller waits', async () => (await this.leaseOf(schema, 'wanted_until > now()')) === 't');
  }

  /** Until so many stores of this schema are told what happens. */
  untilListening(schema: string, count: number): Promise<void> {
    const { channel } = statementsFor(schema, 'oauth_token');
    const sql = `SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN ${channel}' AND state = 'idle'`;
    return until(`${count} stores listen`, async () => (await this.#scene.cluster.query(sql)) === String(count));
  }
}
