/**
 * attempt.ts PATH CALL… [-- PATH CALL…]…: opens each store and makes the calls, as an ordinary user even if root runs the tests. Prints a
 * line of JSON for each: `{ results }` or `{ code, reason, message }`.
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
  exclusively: (store) => store.exclusively('app', async () => 'ran', { timeout: 300 }),
};

async function attempt([path = '', ...calls]: readonly string[]): Promise<object> {
  try {
    using store = openFileTokenStore(path);
    const results = [];
    for (const call of calls) results.push((await actions[call]?.(store)) ?? null);
    return { results };
  } catch (error) {
    if (!(error instanceof TokenStoreError)) throw error;
    const { code, reason, message } = error;
    return { code, reason, message };
  }
}

const attempts: string[][] = [[]];
for (const argument of process.argv.slice(2)) {
  if (argument === '--') attempts.push([]);
  else attempts.at(-1)?.push(argument);
}
for (const each of attempts) console.log(JSON.stringify(await attempt(each)));
