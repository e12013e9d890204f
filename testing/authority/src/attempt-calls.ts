import { isRoot, otherUser } from './temporary-directory.ts';

/** The methods of a store that these programs use. */
export interface ProgramStore extends Disposable {
  readonly path: string;
  get(name: string): unknown;
  set(name: string, record: { refreshToken: string }): unknown;
  exclusively<T>(name: string, task: () => Promise<T>, options: { timeout: number }): Promise<T>;
}

type Actions<Store> = Record<string, (store: Store) => unknown>;

const common: Actions<ProgramStore> = {
  get: (store) => store.get('app'),
  set: (store) => store.set('app', { refreshToken: 'new' }),
  exclusively: (store) => store.exclusively('app', async () => 'ran', { timeout: 300 }),
};

/**
 * The program `attempt.ts PATH CALL… [-- PATH CALL…]…`: opens each store and makes the calls, as an ordinary user even if root runs the
 * tests. Prints one line of JSON for each store: `{ results }` or `{ code, reason, message }`. `own`: calls that not all stores have.
 */
export async function attemptCalls<Store extends ProgramStore>(
  open: (path: string) => Store,
  own: Actions<Store> = {},
): Promise<void> {
  if (isRoot) {
    // All modules are loaded by now: the other user may not be able to enter their directory.
    process.setgroups?.([]);
    process.setgid?.(otherUser);
    process.setuid?.(otherUser);
  }
  const actions: Actions<Store> = { ...common, ...own };
  for (const each of process.argv.slice(2).join('\n').split('\n--\n')) {
    const [path = '', ...calls] = each.split('\n');
    const results: unknown[] = [];
    let outcome: object = { results };
    try {
      using store = open(path);
      for (const call of calls) results.push((await actions[call]?.(store)) ?? null);
    } catch (error) {
      const { code, reason, message } = error as { code?: unknown; reason?: unknown; message: string };
      if (!`${code}`.startsWith('STORE_')) throw error;
      outcome = { code, reason, message };
    }
    console.log(JSON.stringify(outcome));
  }
}
