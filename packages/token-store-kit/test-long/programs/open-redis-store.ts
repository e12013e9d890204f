/** A module for the contract: opens the store in a process of its own. */
import { createClient } from '@redis/client';
import { RedisStore } from '../../examples/redis-store.ts';

export async function open(place: string): Promise<RedisStore> {
  const { path, ...options } = JSON.parse(place);
  const client = createClient({ socket: { path, tls: false } });
  await client.connect();
  return new RedisStore(client as unknown as ReturnType<typeof createClient>, options);
}
