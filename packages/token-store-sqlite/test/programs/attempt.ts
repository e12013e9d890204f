/**
 * attempt.ts PATH CALL…: opens the database and makes the calls, as an ordinary user even where root runs the tests,
 * and prints what came of it as JSON: `{ results }` or `{ code, message }`.
 */
import { openTokenStore, TokenStoreError } from '../../src/index.ts';
import '../../src/lock/run-exclusively.ts';

const [path = '', ...calls] = process.argv.slice(2);
if (process.getuid?.() === 0) {
  const nobody = 65_534;
  process.setgroups?.([]);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
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
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
