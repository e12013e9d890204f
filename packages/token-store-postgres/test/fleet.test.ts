import { SharedToken } from 'shared-token';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();

test('SharedToken: a refresh that has lost its lock keeps its answer, and a sign-in needs no lock of the record', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: Date.now() - 24 * 3_600_000 });
  const stealLock = (): Promise<string> =>
    scene.cluster.query(
      `UPDATE ${schema}.oauth_token_lease SET fence = fence + 1, owner = 'another', ends_at = now() + interval '1 min'`,
    );
  const token = new SharedToken({
    store,
    name: 'app',
    refreshTimeout: 60_000,
    refresh: async () => {
      await stealLock();
      await scene.cluster.query(`UPDATE ${schema}.oauth_token SET revision = 'another'`);
      return { access_token: 'late', refresh_token: 'late', expires_in: 3_600 };
    },
  });
  // The write of its task is refused. Outside of it, the new refresh token is stored, because the old one is spent.
  assert.is((await token.getToken()).accessToken, 'late');
  assert.is((await store.get('app'))?.refreshToken, 'late');
  // The lock is still another's. The sign-in counts all the same.
  const other = new SharedToken({
    store,
    name: 'app',
    refreshTimeout: 1_000,
    refresh: async () => assert.unreachable() as never,
    signIn: async () => ({ access_token: 'signed-in', refresh_token: 'signed-in', expires_in: 3_600 }),
  });
  assert.is((await within('the sign-in', other.signIn(), 60_000)).accessToken, 'signed-in');
  assert.is((await store.get('app'))?.refreshToken, 'signed-in');
  await token.close();
  assert.is((await store.get('app'))?.refreshToken, 'signed-in');
  await other.close();
});

/** What no lock can prevent: the process is stopped after this store's last answer and before the request has left. */
test('between the last look at the lease and the request to the provider, the process does nothing else', async () => {
  const store = await scene.open();
  let isSameTurn = false;
  const watched = new Proxy(store, {
    get(target, property) {
      const value = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      if (property !== 'replace') return value.bind(target);
      return async (...args: unknown[]) => {
        const result = await value.apply(target, args);
        isSameTurn = true;
        setImmediate(() => {
          isSameTurn = false;
        });
        return result;
      };
    },
  });
  const turns: boolean[] = [];
  const token = new SharedToken({
    store: watched,
    name: 'app',
    refresh: async () => {
      turns.push(isSameTurn);
      return { access_token: `new-${turns.length}`, refresh_token: 'next', expires_in: 3_600 };
    },
  });
  await store.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 0 });
  for (let round = 0; round < 10; round++) await token.getToken({ forceRefresh: true });
  assert.equal(turns, Array(10).fill(true));
});

test.run();
