import type { TokenStore } from 'shared-token';
import { probeName } from './unfinished-move.ts';

/** About the size of a record of Microsoft's. */
const recordLength = 8_192;

/** Writes a record under a name of no app, and deletes it. Throws the store's error. */
export async function ensureWritable(store: TokenStore, appName: string): Promise<void> {
  const probe = probeName(appName);
  await store.set(probe, { refreshToken: 'x'.repeat(recordLength) });
  await store.delete(probe);
}
