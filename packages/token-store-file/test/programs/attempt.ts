/**
 * attempt.ts PATH CALL…: opens the store and makes the calls, as an ordinary user even if root runs the tests. Prints `{ results }` or
 * `{ code, reason, message }`, as JSON.
 */

import { isRoot, otherUser } from 'testing-authority/temporary-directory';
import { openFileTokenStore, TokenStoreError } from '../../src/index.ts';

if (isRoot) {
  // All that it needs is loaded by now: the other user may not be able to enter the directory of these files.
  process.setgroups?.([]);
  process.setgid?.(otherUser);
  process.setuid?.(otherUser);
}
const actions: Record<string, (store: ReturnType<typeof openFileTokenStore>) => unknown> = {
  get: (store) => store.get('app'),
  set: (store) => store.set('app', { refreshToken: 'new' }),
  exclusively: (store) => store.exclusively('app', async () => 'ran', { timeout: 2_000 }),
};
const [path = '', ...calls] = process.argv.slice(2);
try {
  using store = openFileTokenStore(path);
  const results = [];
  for (const call of calls) results.push((await actions[call]?.(store)) ?? null);
  console.log(JSON.stringify({ results }));
} catch (error) {
  if (!(error instanceof TokenStoreError)) throw error;
  const { code, reason, message } = error;
  console.log(JSON.stringify({ code, reason, message }));
}
