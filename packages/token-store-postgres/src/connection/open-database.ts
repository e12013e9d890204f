import type { Settings } from '../options.ts';
import { Database } from './database.ts';
import { nameOf, openOwnPool } from './own-pool.ts';
import type { ClientConstructor } from './pg-pool.ts';

/** The database of the caller's pool, or of a pool of its own. Nothing is connected yet. */
export async function openDatabase(settings: Settings): Promise<Database> {
  const { pool, idleTimeoutMs } = settings;
  if (!pool) {
    const { pool: own, Client } = await openOwnPool(settings, process.env);
    return new Database({ pool: own, ownPool: { idleTimeoutMs }, Client, name: nameOf(Client, own.options) });
  }
  const { Client } = pool as { Client?: ClientConstructor };
  return new Database({ pool, ownPool: undefined, Client, name: nameOf(Client, pool.options) });
}
