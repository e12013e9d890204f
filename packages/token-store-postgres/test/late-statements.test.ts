// Takes about 8 s.
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { least } from 'testing-authority/least';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore, PostgresTokenStoreOptions, TokenStoreError } from '../src/index.ts';
import { statementsFor } from '../src/statements.ts';
import { errorOf } from './attempt.ts';
import { deadlineMs, hold, LockWatch, never, until } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { type Fate, UnreliablePool } from './unreliable-pool.ts';

const { scene, together: test } = await startScene();

const take = /^WITH taken/;
const write = /^WITH (?!taken)/;

interface Unreliable extends PostgresTokenStoreOptions {
  readonly schema: string;
  /** The fates of the first statements of this kind. All others are reliable. */
  readonly fates: Fate[];
  readonly of: RegExp;
}

/** A store on an unreliable pool. */
async function openUnreliable({ fates, of, ...options }: Unreliable): Promise<{
  store: PostgresTokenStore;
  /** Waits until all late statements have arrived. */
  settle(): Promise<void>;
}> {
  const decide = (text: string): Fate => (of.test(text) && fates.shift()) || { type: 'normal' };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const store = await scene.open({ leaseTime: 20_000, ...options, pool });
  return { store, settle: () => within('the late statements', pool.settle(), 30_000) };
}

const watch = new LockWatch(scene);
const leaseOf = (schema: string, columns: string): Promise<string> => watch.leaseOf(schema, columns);

test('a caller that gives up while its statement is under way leaves the lock of the next caller alone', async () => {
  const schema = scene.newSchema();
  const arrives = Promise.withResolvers<void>();
  const { store } = await openUnreliable({ schema, of: take, fates: [{ type: 'slow', after: arrives.promise }] });
  const other = await scene.open({ schema });
  await store.set('app', { refreshToken: 'first' });
  const givingUp = new AbortController();
  const givenUp = store.exclusively('app', never, { signal: givingUp.signal }).catch((error) => error);
  await delay(50);
  givingUp.abort();
  assert.is(await givenUp, givingUp.signal.reason);
  await store.exclusively('app', async (lock) => {
    const before = await leaseOf(schema, 'owner, fence');
    arrives.resolve();
    // The late statement, and what the caller that gave up does about it.
    await delay(300);
    assert.is(await leaseOf(schema, 'owner, fence'), before);
    const error: TokenStoreError = await other.exclusively('app', never, { timeout: 0 }).catch((reason) => reason);
    assert.is(error.code, 'STORE_BUSY');
    assert.is(lock.signal.aborted, false);
    assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
  });
  assert.is(await other.exclusively('app', async () => 'free', { timeout: 0 }), 'free');
});

test('after another session has locked the row for longer than the lease, its holder gets time to write', async () => {
  const schema = scene.newSchema();
  const locked = { holder: false, waiter: false };
  const asked = Promise.withResolvers<void>();
  const open = (who: keyof typeof locked): Promise<PostgresTokenStore> => {
    const decide = (text: string): Fate => {
      if (locked[who] && !text.startsWith('SELECT')) return { type: 'refused' };
      if (who === 'waiter' && locked.holder && take.test(text)) setTimeout(asked.resolve, 100);
      return { type: 'normal' };
    };
    const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
    return scene.open({ schema, pool, leaseTime: 2_000 });
  };
  const [holder, waiter] = [await open('holder'), await open('waiter')];
  await holder.set('app', { refreshToken: 'first' });
  let waiting: Promise<unknown> | undefined;
  await holder.exclusively('app', async () => {
    waiting = waiter.exclusively('app', async () => waiter.get('app'));
    await watch.untilWanted(schema);
    await delay(100);
    Object.assign(locked, { holder: true, waiter: true });
    await delay(2_100);
    locked.waiter = false;
    await within('the next try of the waiter', asked.promise, 10_000);
    locked.holder = false;
    assert.ok(await holder.replace('app', 'first', { refreshToken: 'second' }), 'its lock was taken');
  });
  assert.equal(await within('the next turn', waiting as Promise<unknown>, 10_000), { refreshToken: 'second' });
});

test('a caller that gave up frees the lock that its late statement acquires', async () => {
  const schema = scene.newSchema();
  const arrives = Promise.withResolvers<void>();
  const { store } = await openUnreliable({ schema, of: take, fates: [{ type: 'slow', after: arrives.promise }] });
  const other = await scene.open({ schema });
  const signal = AbortSignal.timeout(50);
  await store.exclusively('app', never, { signal }).catch(() => {});
  arrives.resolve();
  for (let left = 200; (await leaseOf(schema, 'fence')) === ''; left--) {
    assert.ok(left > 0, 'the late statement does not arrive');
    await delay(10);
  }
  assert.is(
    await within(
      'the lock, long before the lease ends',
      other.exclusively('app', async () => 'free'),
      10_000,
    ),
    'free',
  );
});

test('a caller that is refused frees the lock that a statement of its own has acquired, whose answer was lost', async () => {
  const schema = scene.newSchema();
  const { store } = await openUnreliable({ schema, of: take, fates: [{ type: 'unanswered' }, { type: 'refused' }] });
  const other = await scene.open({ schema });
  const error: TokenStoreError = await store.exclusively('app', never).catch((reason) => reason);
  assert.is(error.reason, 'database-locked');
  const free = other.exclusively('app', async () => 'free');
  assert.is(await within('the lock, long before the lease ends', free, 8_000), 'free');
});

test('a write that is repeated while an earlier try of it is still at work says that it was done', async () => {
  const schema = scene.newSchema();
  const tries: Fate[] = [
    { type: 'late', after: 0 },
    { type: 'slow', after: 100 },
  ];
  const { store } = await openUnreliable({ schema, of: write, fates: [...tries, ...tries] });
  // The repetition begins before the first try has been committed, and waits for its row.
  await scene.cluster.query(`CREATE FUNCTION ${schema}.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT OR UPDATE ON ${schema}.oauth_token FOR EACH ROW EXECUTE FUNCTION ${schema}.slow()`);
  assert.is(await store.replace('app', undefined, { refreshToken: 'first' }), true);
  assert.is(await store.replace('app', 'first', { refreshToken: 'second' }), true);
  assert.equal(await store.get('app'), { refreshToken: 'second' });
});

test('a caller that is told of a release while it asks for the lock asks again at once', async () => {
  const schema = scene.newSchema();
  const answers = Promise.withResolvers<void>();
  const { store } = await openUnreliable({ schema, of: take, fates: [{ type: 'delayed', after: answers.promise }] });
  const held = await hold(await scene.open({ schema, leaseTime: 20_000 }));
  await store.get('other');
  const stop = new AbortController();
  const listening = store.changed('other', { timeout: deadlineMs, signal: stop.signal }).catch(() => {});
  await watch.untilListening(schema, 1);
  const waiting = store.exclusively('app', async () => 'my turn');
  await watch.untilWanted(schema);
  await held.end();
  await delay(100);
  answers.resolve();
  assert.is(await within('the turn', waiting, 3_000), 'my turn');
  stop.abort();
  await listening;
});

test('a lock that a later try acquires is held from then on', async () => {
  const losses = await least(0, 5, async () => {
    const fates: Fate[] = Array(3).fill({ type: 'lost' });
    // The pauses between the tries take longer than the lease.
    const { store } = await openUnreliable({ schema: scene.newSchema(), of: take, fates, leaseTime: 400 });
    return store.exclusively('app', async ({ signal }) => Number(signal.aborted));
  });
  assert.is(losses, 0);
});

const renewal = /^UPDATE \S+ SET ends_at/;

for (const [kind, before] of [
  ['it was acquired', []],
  ['it was renewed', [{ type: 'normal' }]],
] as [string, Fate[]][])
  test(`a lease counts from the time at which it was asked for, not from the late answer that ${kind}`, async () => {
    const late = await least(0, 3, async () => {
      const schema = scene.newSchema();
      // After the late answer, no renewal gets through.
      const fates: Fate[] = [...before, { type: 'delayed', after: 1_500 }, ...Array<Fate>(100).fill({ type: 'lost' })];
      const of = new RegExp(`${take.source}|${renewal.source}`);
      const { store } = await openUnreliable({ schema, of, fates, leaseTime: 3_000 });
      return store.exclusively('app', async ({ signal }) => {
        const aborted = new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(Date.now())));
        const abortedAt = await within('the abort', aborted, deadlineMs);
        return abortedAt - Number(await leaseOf(schema, 'extract(epoch FROM ends_at) * 1000'));
      });
    });
    assert.ok(late < 0, `the signal aborted ${late} ms after the end of the lease`);
  });

test('a task that writes keeps its lock although its renewals do not get through, and they are tried with pauses', async () => {
  const losses = await least(0, 3, async () => {
    const fates: Fate[] = Array(500).fill({ type: 'refused' });
    const { store } = await openUnreliable({ schema: scene.newSchema(), of: renewal, fates, leaseTime: 700 });
    return store.exclusively('app', async ({ signal }) => {
      for (let write = 0; write < 6; write++) {
        await delay(150);
        await store.set('app', { refreshToken: 'first' }).catch(() => {});
      }
      if (signal.aborted) return 1;
      await until('the signal aborts', async () => signal.aborted);
      const { length } = fates;
      await delay(300);
      assert.ok(length - fates.length < 30, `${length - fates.length} tries`);
      return 0;
    });
  });
  assert.is(losses, 0);
});

test('a renewal that is answered after a later one does not cost the lock', async () => {
  const losses = await least(0, 5, async () => {
    // Nearly as long as the lease.
    const fates: Fate[] = [{ type: 'delayed', after: 840 }];
    const { store } = await openUnreliable({ schema: scene.newSchema(), of: renewal, fates, leaseTime: 900 });
    return store.exclusively('app', async ({ signal }) => {
      await delay(1_400);
      return Number(signal.aborted);
    });
  });
  assert.is(losses, 0);
});

test('leases of processes that are gone are waited for at the same time, also one of another program', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const columns = "1, owner, 'gone', now() + interval '0.4 s'";
  const gone = "(VALUES ('a', 'gone:400'), ('b', 'gone:400'), ('c', 'another program')) AS gone (name, owner)";
  await scene.cluster.query(`INSERT INTO ${schema}.oauth_token_lease SELECT name, ${columns} FROM ${gone}`);
  const turns = ['a', 'b', 'c'].map((name) => store.exclusively(name, async () => name));
  assert.equal(await within('the turns', Promise.all(turns), 4_000), ['a', 'b', 'c']);
});

test('calls that are refused meanwhile do not make a caller wait for longer', async () => {
  const schema = scene.newSchema();
  const fates: Fate[] = Array(1_000).fill({ type: 'refused' });
  const { store } = await openUnreliable({ schema, of: /^SELECT name FROM/, fates });
  const gone = "('app', 1, 'gone:400', 'gone', now() + interval '0.4 s')";
  await scene.cluster.query(`INSERT INTO ${schema}.oauth_token_lease VALUES ${gone}`);
  let isDone = false;
  const turn = store.exclusively('app', async () => {
    isDone = true;
  });
  for (const end = performance.now() + 4_000; !isDone && performance.now() < end; await delay(20)) {
    await errorOf(store.list());
  }
  assert.ok(isDone);
  await turn;
});

test('a read that begins while another one is under way reads what is stored by then', async () => {
  const schema = scene.newSchema();
  const answers = Promise.withResolvers<void>();
  const fates: Fate[] = [{ type: 'delayed', after: answers.promise }];
  const { store } = await openUnreliable({ schema, of: /^SELECT name, record/, fates });
  const first = store.get('app');
  await until('the first one is under way', async () => fates.length === 0);
  await (await scene.open({ schema })).set('other', { refreshToken: 'first' });
  // Before the first one is tried again.
  assert.equal(await within('the second one', store.get('other'), 1_500), { refreshToken: 'first' });
  answers.resolve();
  assert.is(await first, undefined);
});

test('one look is under way at a time, and one that fails is followed by a pause', async () => {
  let looks = 0;
  const first = Promise.withResolvers<void>();
  const fates: Fate[] = [{ type: 'slow', after: first.promise }, ...Array(500).fill({ type: 'refused' })];
  const decide = (text: string): Fate => {
    if (!text.includes('unnest')) return { type: 'normal' };
    looks++;
    return fates.shift() ?? { type: 'normal' };
  };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const store = await scene.open({ pool, listen: false });
  const change = store.changed('app', { timeout: deadlineMs });
  await until('the first look', async () => looks === 1);
  const other = store.changed('other', { timeout: 800 });
  await delay(100);
  assert.is(looks, 1);
  first.resolve();
  await Promise.all([change, other]);
  assert.ok(looks <= 2, `${looks} looks`);
});

test('a caller takes the lock that a statement of its own has acquired, whose answer was lost, for its own', async () => {
  const schema = scene.newSchema();
  const holder = await scene.open({ schema });
  const behind = await scene.open({ schema });
  const { store } = await openUnreliable({
    schema,
    of: take,
    // The first one joins the queue, the second one acquires the lock unnoticed, while the next repetition is lost.
    fates: [{ type: 'normal' }, { type: 'late', after: 200 }, { type: 'lost' }],
  });
  const held = await hold(holder);
  const waiting = store.exclusively('app', async () => 'my turn');
  await watch.untilWanted(schema);
  const last = behind.exclusively('app', async () => 'last');
  await held.end();
  assert.is(await within('the turn, long before the lease ends', waiting, 10_000), 'my turn');
  assert.is(await within('the last turn', last, 10_000), 'last');
});

test('a caller takes the lock that an earlier statement of its own acquires late for its own', async () => {
  const schema = scene.newSchema();
  const [holder, behind] = await Promise.all([1, 2].map(() => scene.open({ schema, leaseTime: 20_000 })));
  if (!holder || !behind) throw new Error('unreachable');
  const arrives = Promise.withResolvers<void>();
  const arrived = arrives.promise.then(() => settle());
  // The second try joins the queue. Those after it come later than the first.
  const slow = Array<Fate>(20).fill({ type: 'slow', after: arrived });
  const fates: Fate[] = [{ type: 'late', after: arrives.promise }, { type: 'normal' }, ...slow];
  const { store, settle } = await openUnreliable({ schema, of: take, fates });
  const held = await hold(holder);
  const waiting = store.exclusively('app', async () => 'my turn');
  await watch.untilWanted(schema);
  const last = behind.exclusively('app', async () => 'last');
  // The holder's lease is released, without a message.
  await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET owner = NULL`);
  arrives.resolve();
  assert.is(await within('the turn, long before the lease ends', waiting, 10_000), 'my turn');
  assert.is(await within('the last turn', last, 10_000), 'last');
  await held.end();
});

test('a statement that acquires the lock and arrives twice changes nothing', async () => {
  const schema = scene.newSchema();
  const arrives = Promise.withResolvers<void>();
  const { store, settle } = await openUnreliable({
    schema,
    of: take,
    fates: [{ type: 'repeated', after: arrives.promise }],
  });
  const others = await Promise.all([1, 2].map(() => scene.open({ schema })));
  let waiting: Promise<string>[] = [];
  await store.exclusively('app', async () => {
    waiting = others.map((other) => other.exclusively('app', async () => 'my turn'));
    await watch.untilWanted(schema);
    const before = await leaseOf(schema, 'owner, holder, fence');
    assert.match(before, `|process ${process.pid} on ${hostname()}|`);
    arrives.resolve();
    await settle();
    assert.is(await leaseOf(schema, 'owner, holder, fence'), before);
  });
  assert.equal(await within('the turns', Promise.all(waiting), 10_000), ['my turn', 'my turn']);
});

test('a task whose second try to write gets through releases its lock', async () => {
  const schema = scene.newSchema();
  const { store } = await openUnreliable({ schema, of: write, fates: [{ type: 'refused' }] });
  await store.exclusively('app', async () => {
    for (const isLost of [true, false])
      assert.is(
        await store.set('app', { refreshToken: 'first' }).then(
          () => false,
          () => true,
        ),
        isLost,
      );
  });
  assert.is(await (await scene.open({ schema })).exclusively('app', async () => 'free', { timeout: 0 }), 'free');
});

for (const [kind, write] of Object.entries<Fate[]>({
  'has released its lock': [],
  'owes a write': [{ type: 'refused' }],
}))
  test(`a renewal that is answered after its task has ended is the last one, and no loss: the task ${kind}`, async () => {
    const schema = scene.newSchema();
    const answers = Promise.withResolvers<void>();
    const fates: Fate[] = [...write, { type: 'slow', after: answers.promise }];
    const { store } = await openUnreliable({ schema, of: /SET ends_at = clock/, fates, leaseTime: 2_000 });
    const other = await scene.open({ schema });
    const ended = await store.exclusively('app', async ({ signal }) => {
      if (write.length > 0) await store.set('app', { refreshToken: 'first' }).catch(() => {});
      await until('a renewal is under way', async () => fates.length === 0);
      return signal;
    });
    answers.resolve();
    await delay(100);
    const free = other.exclusively('app', async () => 'free');
    assert.is(await within('the end of the lease', free, 8_000), 'free');
    assert.is(ended.aborted, false);
  });

test('a task keeps its lock if its write may have been done, whatever its last try says', async () => {
  const schema = scene.newSchema();
  const fates: Fate[] = [{ type: 'unanswered' }, { type: 'read-only' }];
  const { store } = await openUnreliable({ schema, of: write, fates });
  await store.exclusively('app', async () => {
    assert.match((await errorOf(store.set('app', { refreshToken: 'first' }))).message, 'done is not known');
  });
  const other = await scene.open({ schema });
  assert.is((await errorOf(other.exclusively('app', never, { timeout: 0 }))).reason, 'lock-held');
});

test('a task that knows that its lock is lost is told so at once, also without the database', async () => {
  const schema = scene.newSchema();
  const fates: Fate[] = [];
  const { store } = await openUnreliable({ schema, of: write, fates });
  await store.exclusively('app', async () => {
    await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET owner = 'another store', fence = fence + 1`);
    assert.is(await store.replace('app', undefined, { refreshToken: 'first' }), false);
    fates.push({ type: 'refused' });
    assert.is(await store.replace('app', undefined, { refreshToken: 'first' }), false);
  });
});

test('a release that the server refuses at first is tried again', async () => {
  const schema = scene.newSchema();
  const { store } = await openUnreliable({ schema, of: /SET owner = NULL/, fates: [{ type: 'refused' }] });
  await store.exclusively('app', async () => {});
  assert.is(await (await scene.open({ schema })).exclusively('app', async () => 'free', { timeout: 0 }), 'free');
});

test('a caller whose time is up does not pause for one more try', async () => {
  const fates: Fate[] = [];
  const { store } = await openUnreliable({ schema: scene.newSchema(), of: take, fates });
  const took = await least(1_000, 3, async () => {
    fates.push(...Array(4).fill({ type: 'lost' }));
    const startedAt = performance.now();
    assert.is((await errorOf(store.exclusively('app', never, { timeout: 0 }))).reason, 'unreachable');
    return performance.now() - startedAt;
  });
  assert.ok(took < 1_000, `it took ${took} ms`);
});

test('a release that gets no answer does not keep its caller waiting', async () => {
  const answers = Promise.withResolvers<void>();
  const fates: Fate[] = Array(2).fill({ type: 'slow', after: answers.promise });
  const { store } = await openUnreliable({ schema: scene.newSchema(), of: /SET owner = NULL/, fates });
  const done = store.exclusively('app', async () => 'done');
  assert.is(await within('the end of the call', done, 4_000), 'done');
  answers.resolve();
});

for (const kind of ['renew', 'take'] as const)
  test(`a statement that had to wait for the row does not shorten the lease that a later renewal has written: ${kind}`, async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema, leaseTime: 60_000 });
    const statements = statementsFor(schema, 'oauth_token');
    const [early, later] = [1, 2].map(() => new pg.Client(scene.cluster.connectionString()));
    if (!early || !later) throw new Error('unreachable');
    await Promise.all([early.connect(), later.connect()]);
    await store.exclusively('app', async () => {
      const [owner, fence] = (await leaseOf(schema, 'owner, fence')).split('|');
      const values = { renew: ['app', owner, fence, 60_000], take: ['app', owner, 'me', 60_000, 0, null, false] };
      await later.query(`BEGIN; SELECT 1 FROM ${schema}.oauth_token_lease FOR UPDATE`);
      const waiting = early.query(statements[kind], values[kind]);
      await delay(300);
      await later.query(statements.renew, values.renew);
      const written = `SELECT ends_at FROM ${schema}.oauth_token_lease`;
      const { ends_at: end } = (await later.query(written)).rows[0];
      await later.query('COMMIT');
      assert.is((await waiting).rowCount, 1);
      assert.ok((await later.query(written)).rows[0].ends_at >= end);
    });
    await Promise.all([early.end(), later.end()]);
  });

test('a caller of changed goes on looking after a look that failed', async () => {
  const schema = scene.newSchema();
  const fates: Fate[] = [{ type: 'refused' }];
  const { store } = await openUnreliable({ schema, of: /unnest/, fates, listen: false });
  const other = await scene.open({ schema });
  await store.get('app');
  const change = store.changed('app', { timeout: deadlineMs });
  await until('a look has failed', async () => fates.length === 0);
  await other.set('app', { refreshToken: 'first' });
  await within('the change', change, 8_000);
});

test('a lock that was released is free, also if the clock of the database was set back since', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.exclusively('app', async () => {});
  for (const wanted of ['NULL', "now() + interval '1 hour'"]) {
    await scene.cluster.query(
      `UPDATE ${schema}.oauth_token_lease SET ends_at = now() + interval '1 hour', wanted_until = ${wanted}`,
    );
    assert.is(await store.exclusively('app', async () => 'free', { timeout: 0 }), 'free', wanted);
  }
});

/** A store whose first write is repeated, and arrives once more when it is told to. */
async function openLate() {
  const schema = scene.newSchema();
  const arrives = Promise.withResolvers<void>();
  const fates: Fate[] = [{ type: 'late', after: arrives.promise }];
  const { store, settle } = await openUnreliable({ schema, of: write, fates });
  const arrive = (): Promise<void> => {
    arrives.resolve();
    return settle();
  };
  return { store, other: await scene.open({ schema }), arrive };
}

test('a set that arrives once more puts no spent token in the place of its successor', async () => {
  const { store, other, arrive } = await openLate();
  await other.set('app', { refreshToken: 'first' });
  await store.get('app');
  await store.set('app', { refreshToken: 'sign-in' });
  assert.ok(await other.replace('app', 'sign-in', { refreshToken: 'refreshed' }));
  await arrive();
  assert.equal(await other.get('app'), { refreshToken: 'refreshed' });
});

test('a set that arrives once more, when its sign-in was signed out, does not bring it back', async () => {
  const { store, other, arrive } = await openLate();
  await store.set('app', { refreshToken: 'sign-in' });
  assert.is(await other.delete('app'), true);
  await arrive();
  assert.is(await other.get('app'), undefined);
  assert.is(await other.delete('app'), false);
  assert.equal(await other.list(), []);
  assert.ok(await other.replace('app', undefined, { refreshToken: 'again' }));
});

test('a delete that arrives once more does not undo a later sign-in', async () => {
  const { store, other, arrive } = await openLate();
  await other.set('app', { refreshToken: 'first' });
  await store.get('app');
  assert.is(await store.delete('app'), true);
  await other.set('app', { refreshToken: 'later' });
  await arrive();
  assert.equal(await other.get('app'), { refreshToken: 'later' });
});

for (const [fate, name, call] of [
  ['unanswered', 'a change of key', (store: PostgresTokenStore) => store.rekey(new Uint8Array(32))],
  ['read-only', 'a caller that comes again', (store: PostgresTokenStore) => store.exclusively('app', async () => {})],
  [
    'unanswered',
    'a caller that only read meanwhile',
    async (store: PostgresTokenStore) => {
      await errorOf(store.exclusively('app', never, { timeout: 100 }));
      await delay(2_000);
      await store.get('app');
      await store.exclusively('app', async () => {});
    },
  ],
] as const)
  test(`a lease that was seen before the server was away is seen anew: ${fate}, ${name}`, async () => {
    const schema = scene.newSchema();
    const fates: Fate[] = [];
    const { store } = await openUnreliable({ schema, of: /FOR UPDATE$|^WITH taken|^SELECT name, record/, fates });
    const ended = "('app', 1, 'gone:2000', 'gone', now() + interval '2 s')";
    await scene.cluster.query(`INSERT INTO ${schema}.oauth_token_lease VALUES ${ended}`);
    const started = performance.now();
    const done = call(store).catch(() => call(store));
    await delay(1_500);
    fates.push({ type: fate });
    await within('the end of the lease', done, 15_000);
    const took = performance.now() - started;
    assert.ok(took > 2_450, `its holder had ${took - 1_500} ms to come back`);
    assert.is(fates.length, 0);
  });

test('a lease that was seen before there was no connection for a while is seen anew', async () => {
  const schema = scene.newSchema();
  const pool = scene.newPool('used up for a while', { max: 1 });
  const store = await scene.open({ schema, pool });
  const gone = "('app', 1, 'gone:1600', 'gone', now() + interval '1 h')";
  await scene.cluster.query(`INSERT INTO ${schema}.oauth_token_lease VALUES ${gone}`);
  const started = performance.now();
  assert.is((await errorOf(store.exclusively('app', never, { timeout: 0 }))).reason, 'lock-held');
  const client = await pool.connect();
  assert.is((await errorOf(store.exclusively('other', never, { timeout: 0 }))).reason, 'unreachable');
  client.release();
  await within(
    'the lock',
    store.exclusively('app', async () => {}),
    deadlineMs,
  );
  const took = performance.now() - started;
  assert.ok(took > 2_300, `its holder had ${took - 750} ms to come back`);
});

test('a host that loses its connection while it makes the tables makes them', async () => {
  const schema = scene.newSchema();
  const fates: Fate[] = [{ type: 'lost' }];
  const { store } = await openUnreliable({ schema, of: /^INSERT INTO/, fates });
  assert.is(fates.length, 0);
  await store.set('app', { refreshToken: 'first' });
});

test('rekey(undefined) whose answer was lost has succeeded', async () => {
  const schema = scene.newSchema();
  const key = new Uint8Array(32).fill(7);
  const fates: Fate[] = [];
  const { store } = await openUnreliable({ schema, key, of: /^(BEGIN|COMMIT)/, fates });
  await store.set('app', { refreshToken: 'first' });
  fates.push({ type: 'lost' }, { type: 'normal' }, { type: 'unanswered' });
  await store.rekey(undefined);
  assert.equal(await store.get('app'), { refreshToken: 'first' });
  assert.equal(await (await scene.open({ schema })).get('app'), { refreshToken: 'first' });
});

test('a store whose rekey may have been done goes on with the new key', async () => {
  const schema = scene.newSchema();
  const key = new Uint8Array(32).fill(7);
  const fates: Fate[] = [];
  const { store } = await openUnreliable({ schema, of: /^COMMIT|FOR UPDATE$/, fates });
  await store.set('app', { refreshToken: 'first' });
  for (const commit of ['unanswered', 'lost'] as const) {
    fates.push({ type: 'normal' }, { type: commit }, { type: 'refused' });
    assert.is((await errorOf(store.rekey(key))).reason, 'database-locked');
    assert.ok(await store.replace('app', 'first', { refreshToken: 'first' }));
  }
  assert.equal(await (await scene.open({ schema, key })).get('app'), { refreshToken: 'first' });
  await store.rekey(undefined);
  // Nothing is stored yet, and so no key is in use.
  fates.push({ type: 'normal' }, { type: 'lost' }, { type: 'refused' });
  const fresh = await openUnreliable({ schema: scene.newSchema(), key, of: /^COMMIT|FOR UPDATE$/, fates });
  assert.is((await errorOf(fresh.store.rekey(key.fill(8)))).reason, 'database-locked');
  await fresh.store.set('app', { refreshToken: 'first' });
});

test.run();
