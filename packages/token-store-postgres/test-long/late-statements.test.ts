// Takes about 55 s.
import { setTimeout as delay } from 'node:timers/promises';
import { randomFrom } from 'testing-authority/random-from';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { Lock, PostgresTokenStore } from '../src/index.ts';
import { startScene } from '../test/scene.ts';
import { type Fate, UnreliablePool } from '../test/unreliable-pool.ts';

const { scene, test } = await startScene();

const seed = Number(process.env.LATE_SEED ?? Math.floor(Math.random() * 1_000_000));
const leaseTime = 1_000;
const stores = 4;
const callersPerStore = 3;
const turns = 60;
/** In both, tokens are refreshed. In one, people sign in without the lock; in the other, they sign out. */
const names = { signIns: 'signed in again and again', signOuts: 'signed out again and again' };

/** How often a statement has which fate; the shares add up. */
const fateTypes: [Fate['type'], number][] = [
  ['late', 0.08],
  ['unanswered', 0.12],
  ['lost', 0.15],
  ['repeated', 0.22],
  ['slow', 0.34],
];

/** One running task. */
interface Running {
  readonly lock: Lock;
  readonly who: string;
}

test('statements that are late, repeated and unanswered: one task at a time, and no spent token comes back', async () => {
  const next = randomFrom(seed);
  console.log(`measured: LATE_SEED=${seed}`);
  const schema = scene.newSchema();
  const { cluster } = scene;
  let isReliable = true;
  const fates: Record<string, number> = {};
  const decide = (): Fate => {
    const draw = isReliable ? 1 : next();
    const type = fateTypes.find(([, share]) => draw < share)?.[0] ?? 'normal';
    fates[type] = (fates[type] ?? 0) + 1;
    if (type === 'slow' || type === 'delayed') return { type, after: next() * 400 };
    // Most come while the caller that gave them up is still about, and some when its lease has ended.
    const after = next() < 0.7 ? next() * 200 : next() * 3 * leaseTime;
    return type === 'late' || type === 'repeated' ? { type, after } : { type };
  };
  const pools = Array.from({ length: stores }, () => new UnreliablePool(cluster.connectionString(), decide));
  const opened = await Promise.all(pools.map((pool) => scene.open({ schema, pool, leaseTime })));
  // Every state that the table has ever had, in the order of the commits: the row is locked until then.
  await cluster.query(`CREATE TABLE ${schema}.history (at serial, name text, token text);
    CREATE FUNCTION ${schema}.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO ${schema}.history (name, token) VALUES (coalesce(NEW.name, OLD.name), NEW.record->>'refreshToken'); RETURN NULL; END $$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON ${schema}.oauth_token FOR EACH ROW EXECUTE FUNCTION ${schema}.note()`);
  let issued = 0;
  const newRecord = () => ({ refreshToken: `token ${++issued}` });
  await opened[0]?.set(names.signIns, newRecord());

  const running = new Map<string, Set<Running>>(Object.values(names).map((name) => [name, new Set()]));
  const overlaps: string[] = [];
  const ended = { tasks: 0, givenUp: 0, failed: 0, refreshes: 0 };
  /** What a refresh does. */
  const work = async (store: PostgresTokenStore, name: string, who: string, lock: Lock): Promise<void> => {
    const others = running.get(name) as Set<Running>;
    const self = { lock, who };
    const check = (): void => {
      for (const other of others)
        if (other !== self && !other.lock.signal.aborted && !lock.signal.aborted)
          overlaps.push(`${who} beside ${other.who}`);
    };
    check();
    others.add(self);
    ended.tasks++;
    try {
      const record = await store.get(name);
      if (!record) return void (await store.set(name, newRecord()));
      if (!(await store.replace(name, record.refreshToken, record)) || lock.signal.aborted) return;
      await delay(next() * 60);
      check();
      if (await store.replace(name, record.refreshToken, newRecord())) ended.refreshes++;
    } finally {
      others.delete(self);
    }
  };
  const turn = async (store: PostgresTokenStore, who: string): Promise<void> => {
    const name = next() < 0.5 ? names.signIns : names.signOuts;
    const kind = next();
    if (kind < 0.05) return void (await (name === names.signIns ? store.set(name, newRecord()) : store.delete(name)));
    // As a caller does that has found the token meanwhile.
    const giveUp = new AbortController();
    if (kind < 0.5) setTimeout(() => giveUp.abort(), next() * 300).unref();
    await store.exclusively(name, (lock) => work(store, name, who, lock), { signal: giveUp.signal });
  };
  isReliable = false;
  const callers = opened.flatMap((store, index) =>
    Array.from({ length: callersPerStore }, async (_, caller) => {
      for (let count = 0; count < turns; count++) {
        const who = `turn ${count} of caller ${caller} of store ${index}`;
        await turn(store, who).catch((error) => {
          if (error.name === 'AbortError') ended.givenUp++;
          else ended.failed++;
        });
      }
    }),
  );
  await within('all turns', Promise.all(callers), 400_000);
  isReliable = true;
  await Promise.all(pools.map((pool) => pool.settle()));
  console.log(`measured: ${JSON.stringify(ended)}, statements: ${JSON.stringify(fates)}`);
  assert.equal(overlaps, [], `LATE_SEED=${seed}`);
  assert.ok(ended.refreshes > turns, `only ${ended.refreshes} refreshes`);
  assert.ok(ended.givenUp > turns, `only ${ended.givenUp} callers gave up`);
  const lines = (await cluster.query(`SELECT name, token FROM ${schema}.history ORDER BY at`)).split('\n');
  assert.equal(tokensThatCameBack(lines), [], `LATE_SEED=${seed}`);
  // Late statements leave at most one lease behind, and no lock for ever.
  for (const name of Object.values(names)) {
    for (const store of opened)
      await within(
        'the lock',
        store.exclusively(name, async () => {}),
        60_000,
      );
  }
  await Promise.all(opened.map((store) => store.close()));
  for (const pool of pools) await pool.end();
});

/** Tokens that were stored, had a successor or were signed out, and were stored again. */
function tokensThatCameBack(lines: readonly string[]): string[] {
  const stored = new Map<string, string>();
  const past = new Set<string>();
  const back: string[] = [];
  for (const line of lines) {
    const [name = '', token = ''] = line.split('|');
    const before = stored.get(name);
    if (before !== undefined && before !== token) past.add(before);
    if (token !== '' && past.has(token)) back.push(`${token} after ${before}`);
    stored.set(name, token);
  }
  return back;
}

test.run();
