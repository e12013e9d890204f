import { settled } from 'token-store-kit';
import { type Database, destroySocket } from './database.ts';

const timeoutMs = 2_000;

/**
 * The `server_login_retry` of a pgbouncer in ms, which its admin database tells the roles in `stats_users` and `admin_users`. Undefined if this
 * role may not ask, or if it is another pooler.
 */
export async function askLoginRetry(database: Database): Promise<number | undefined> {
  const client = database.newClient('pgbouncer');
  if (!client) return undefined;
  try {
    const asking = client.connect().then(() => client.query('SHOW CONFIG'));
    if (!(await settled(asking, timeoutMs))) return undefined;
    const { rows } = await asking;
    const seconds = rows.find(({ key }) => key === 'server_login_retry')?.value;
    return seconds ? Number(seconds) * 1_000 : undefined;
  } catch {
    return undefined;
  } finally {
    destroySocket(client);
  }
}
