// Takes about 8 s.
import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { deadlineMs, hold, LockWatch, until } from './lock-watch.ts';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();
const watch = new LockWatch(scene);

interface Clock {
  readonly connectionString: string;
  set(ahead: string): Promise<unknown>;
}

/** A role for whose sessions the server's clock is ahead by what `set` says: names are looked up in a schema of its own first. */
async function newClock(): Promise<Clock> {
  const clock = `clock_of_${scene.newSchema()}`;
  const functions = ['now', 'clock_timestamp', 'statement_timestamp'].map(
    (name) => `CREATE FUNCTION ${clock}.${name}() RETURNS timestamptz LANGUAGE sql VOLATILE
      AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM ${clock}.step'`,
  );
  await scene.cluster.query(`CREATE SCHEMA ${clock}; CREATE TABLE ${clock}.step (ahead interval); INSERT INTO ${clock}.step VALUES ('0');
    ${functions.join(';')}; CREATE ROLE ${clock} SUPERUSER LOGIN; ALTER ROLE ${clock} SET search_path = ${clock}, pg_catalog, public`);
  const connectionString = scene.cluster.connectionString({ user: clock });
  const set = (ahead: string) => scene.cluster.query(`UPDATE ${clock}.step SET ahead = '${ahead}'`);
  return { connectionString, set };
}

/** Holds the lock of `app` by a store that reaches the server no more, as if its process were killed, until the result is called. */
async function holdAndVanish(
  schema: string,
  { connectionString }: Clock,
  leaseTime: number,
): Promise<() => Promise<void>> {
  const proxy = await scene.proxy();
  const url = Object.assign(new URL(connectionString), { port: proxy.port });
  const held = await hold(await scene.open({ schema, connectionString: url.href, leaseTime }));
  proxy.swallow();
  return () => {
    proxy.heal();
    return held.end();
  };
}

for (const ahead of ['1 hour', '-1 hour']) {
  test(`the clock of the server is set by ${ahead}: the task of a process that lives stays alone`, async () => {
    const clock = await newClock();
    const [schema, options] = [scene.newSchema(), { connectionString: clock.connectionString, leaseTime: 1_500 }];
    const [holder, ...others] = await Promise.all([1, 2, 3].map(() => scene.open({ schema, ...options })));
    if (!holder) throw new Error('unreachable');
    const held = await hold(holder);
    let begun = 0;
    const task = async (): Promise<void> => {
      begun++;
    };
    const early = others.map((other) => other.exclusively('app', task));
    await watch.untilWanted(schema);
    await clock.set(ahead);
    const late = await scene.open({ schema, ...options });
    const all = Promise.all([...early, late.exclusively('app', task)]);
    await delay(4_000);
    assert.is(begun, 0);
    assert.is(held.signal.aborted, false);
    await held.end();
    await within('the turns', all, deadlineMs);
  });

  test(`the clock of the server is set by ${ahead}: the lease of a process that is gone lasts leaseTime`, async () => {
    const [schema, clock] = [scene.newSchema(), await newClock()];
    const store = await scene.open({ schema, connectionString: clock.connectionString, leaseTime: 20_000 });
    const end = await holdAndVanish(schema, clock, 2_000);
    await clock.set(ahead);
    const started = performance.now();
    await within(
      'the lock',
      store.exclusively('app', async () => {}),
      deadlineMs,
    );
    const took = performance.now() - started;
    assert.ok(took > 900 && took < 4_000, `it took ${took} ms`);
    await end();
  });

  test(`the clock of the server is set by ${ahead}: a change of key waits for a process that lives`, async () => {
    const [schema, clock] = [scene.newSchema(), await newClock()];
    const options = { schema, connectionString: clock.connectionString, leaseTime: 20_000 };
    const [store, other] = [await scene.open(options), await scene.open(options)];
    const held = await hold(other);
    await clock.set(ahead);
    let isChanged = false;
    const changed = store.rekey(new Uint8Array(32)).then(() => {
      isChanged = true;
    });
    await Promise.race([changed, delay(1_500)]);
    assert.is(isChanged, false);
    await held.end();
    await within('the change of key', changed, deadlineMs);
  });

  test(`the clock of the server is set by ${ahead}: a change of key waits for a process that is gone only its leaseTime`, async () => {
    const [schema, clock] = [scene.newSchema(), await newClock()];
    const store = await scene.open({ schema, connectionString: clock.connectionString, leaseTime: 20_000 });
    const end = await holdAndVanish(schema, clock, 2_000);
    await clock.set(ahead);
    await within('the change of key', store.rekey(new Uint8Array(32)), 5_000);
    await end();
  });

  test(`the clock of the server is set by ${ahead}: an expiry is judged by the reader's clock`, async () => {
    const clock = await newClock();
    const store = await scene.open({ connectionString: clock.connectionString });
    const inAnHour = Date.now() + 3_600_000;
    for (const [accessToken, expiresAt, counts] of [
      ['valid', inAnHour, true],
      ['expired', Date.now() - 1_000, false],
    ] as const) {
      await clock.set('0');
      await store.set('app', { refreshToken: 'first', accessToken, expiresAt });
      await clock.set(ahead);
      assert.is((await store.get('app'))?.expiresAt, expiresAt);
      const refresh = async () => ({ access_token: 'new', refresh_token: 'second', expires_in: 3_600 });
      const token = new SharedToken({ store, name: 'app', refresh });
      assert.is((await token.getToken()).accessToken, counts ? accessToken : 'new');
    }
  });
}

for (const timeout of [0, 300]) {
  test(`the clock of the server is set back: calls with ${timeout} ms, one after the other, see the lease of a process that is gone end`, async () => {
    const [schema, clock] = [scene.newSchema(), await newClock()];
    const store = await scene.open({ schema, connectionString: clock.connectionString, leaseTime: 20_000 });
    const end = await holdAndVanish(schema, clock, 2_000);
    await clock.set('-1 hour');
    const started = performance.now();
    const take = () => store.exclusively('app', async () => true, { timeout }).catch(() => false);
    for (; !(await take()); await delay(50)) assert.ok(performance.now() < started + 6_000, 'it does not end');
    await end();
  });
}

test('a caller with no time left believes the server', async () => {
  const [schema, clock] = [scene.newSchema(), await newClock()];
  const store = await scene.open({ schema });
  const end = await holdAndVanish(schema, clock, 500);
  await until('the lease has ended', async () => (await watch.leaseOf(schema, 'ends_at < now()')) === 't');
  assert.is(await store.exclusively('app', async () => 'ran', { timeout: 0 }), 'ran');
  await end();
});

test.run();
