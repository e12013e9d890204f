import { type Database, destroySocket } from './database.ts';
import type { StandaloneClient } from './pg-pool.ts';
import { settled } from './retry.ts';

const timeoutMs = 2_000;

/**
 * The `server_login_retry` of a pgbouncer in ms, which its admin database tells the roles in `stats_users` and `admin_users`. Undefined if this
 * role may not ask, or if it is another pooler.
 */
export async function askLoginRetry(database: Database): Promise<number | undefined> {
  const client = database.newClient('pgbouncer');
  if (!client) return undefined;
  client.on('error', () => {});
  const asking = ask(client);
  asking.catch(() => {});
  try {
    return (await settled(asking, timeoutMs)) ? await asking : undefined;
  } catch {
    return undefined;
  } finally {
    destroySocket(client);
  }
}

async function ask(client: StandaloneClient): Promise<number | undefined> {
  await client.connect();
  const { rows } = await client.query('SHOW CONFIG');
  const seconds = rows.find(({ key }) => key === 'server_login_retry')?.value;
  return seconds ? Number(seconds) * 1_000 : undefined;
}
