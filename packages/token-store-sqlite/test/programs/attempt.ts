/**
 * attempt.ts PATH CALL…: opens the database and makes the calls, as an ordinary user even if root runs the tests.
 * Prints the outcome as JSON: `{ results }` or `{ code, reason, message }`.
 */
import { openTokenStore, TokenStoreError } from '../../src/index.ts';
import '../../src/lock/run-exclusively.ts';
import { isRoot, otherUser } from '../temporary-directory.ts';

const [path = '', ...calls] = process.argv.slice(2);
if (isRoot) {
  // All that it needs is loaded by now: the other user may not be able to enter the directory of these files.
  process.setgroups?.([]);
  process.setgid?.(otherUser);
  process.setuid?.(otherUser);
}

const actions: Record<string, (store: ReturnType<typeof openTokenStore>) => unknown> = {
  get: (store) => store.get('app'),
  set: (store) => store.set('app', { refreshToken: 'new' }),
  exclusively: (store) => store.exclusively('app', async () => 'ran'),
};

try {
  using store = openTokenStore(path);
  const results = [];
  for (const call of calls) results.push((await actions[call]?.(store)) ?? null);
  console.log(JSON.stringify({ results }));
} catch (error) {
  if (!(error instanceof TokenStoreError)) throw error;
  const { code, reason, message } = error;
  console.log(JSON.stringify({ code, reason, message }));
}
