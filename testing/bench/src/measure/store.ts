import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openTokenStore, type TokenRecord } from 'token-store-sqlite';
import type { Effort } from '../effort.ts';
import { digits, spread } from '../format.ts';
import { inTurn, ratioOf } from '../in-turn.ts';
import { summarize } from '../sample.ts';
import { assertTrue, recordOf, refreshTokenOf } from '../sample-record.ts';
import type { Section } from '../section.ts';
import type { Stage } from '../stage.ts';

const columns = {
  refreshToken: 'refresh_token',
  accessToken: 'access_token',
  expiresAt: 'expires_at',
  obtainedAt: 'obtained_at',
  clientId: 'client_id',
  authority: 'authority',
  scope: 'scope',
  idToken: 'id_token',
  refreshExpiresAt: 'refresh_expires_at',
  refusedAt: 'refused_at',
  refusedBecause: 'refused_because',
} as const satisfies Record<keyof TokenRecord, string>;

/** Those of the store. */
const pragmas =
  'PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY';

/** Reads in one measured batch, because the clock is not exact enough for one read. */
const batch = 200;

/** The cost of the store compared with its bare statements. */
export async function measureStore(stage: Stage, { writes, reads }: Effort): Promise<Section> {
  using store = openTokenStore(join(stage.folder, 'store.db'));
  store.set('app', recordOf(0));
  openTokenStore(join(stage.folder, 'bare.db')).close();
  const bare = new Database(join(stage.folder, 'bare.db'));
  bare.exec(pragmas);
  const names = Object.values(columns);
  const fields = Object.keys(columns) as (keyof TokenRecord)[];
  const parameters = (record: TokenRecord): unknown[] => fields.map((field) => record[field]);
  bare
    .prepare(`INSERT INTO token (${names}, app_name) VALUES (${names.map(() => '?')}, 'app')`)
    .run(parameters(recordOf(0)));
  const update = bare.prepare(
    `UPDATE token SET ${names.map((name) => `${name} = ?`)}, revision = coalesce(revision, 0) + 1 WHERE app_name = ? AND refresh_token = ?`,
  );
  const select = bare.prepare(`SELECT ${names} FROM token WHERE app_name = ?`);

  const [replaced = [], updated = []] = await inTurn(writes, [
    (round) => assertTrue(store.replace('app', refreshTokenOf(round), recordOf(round + 1))),
    (round) => assertTrue(update.run(parameters(recordOf(round + 1)), 'app', refreshTokenOf(round)).changes === 1),
  ]);
  const [got = [], selected = []] = await inTurn(reads, [
    repeat(() => store.get('app')),
    repeat(() => select.get('app')),
  ]);
  bare.close();
  const microseconds = (values: readonly number[]): string => spread(summarize(values), batch / 1000);
  return {
    title: 'The store',
    how:
      'Compared with the same statement, prepared once, in bare better-sqlite3 on a file with the same schema and pragmas, in turn. Both return from a write ' +
      'when it is on the disk. The store also checks the record and the key.',
    columns: ['', 'the store', 'bare better-sqlite3', '÷'],
    rows: [
      ['`replace`, ms', spread(summarize(replaced)), spread(summarize(updated)), digits(ratioOf(replaced, updated))],
      ['`get`, µs', microseconds(got), microseconds(selected), digits(ratioOf(got, selected))],
    ],
    results: { replace: ratioOf(replaced, updated) },
  };
}

/** Whether a read is slower in a file with many names. */
export async function measureGrowth(stage: Stage, { reads, manyNames }: Effort): Promise<Section> {
  const [few, many] = [10, manyNames].map((count) => fill(join(stage.folder, `names-${count}.db`), count));
  using small = openTokenStore(few as string);
  using large = openTokenStore(many as string);
  const bare = new Database(many);
  bare.exec(pragmas);
  const select = bare.prepare(`SELECT ${Object.values(columns)} FROM token WHERE app_name = ?`);
  // In steps of a prime number, so two reads in a row are not next to each other in the file.
  const walk = (get: (name: string) => unknown, among: number, names = among) => {
    let next = 0;
    return repeat(() => {
      next = (next + 1) % names;
      assertTrue(get(`app${(next * 7_919) % among}`) !== undefined);
    });
  };
  const getLarge = (name: string): unknown => large.get(name);
  const some = Math.min(1_000, manyNames);
  const walks = [
    ['10', 'all', walk((name) => small.get(name), 10)],
    [digits(manyNames), 'one', walk(getLarge, manyNames, 1)],
    [digits(manyNames), digits(some), walk(getLarge, manyNames, some)],
    [digits(manyNames), 'all', walk(getLarge, manyNames)],
    [`${digits(manyNames)}, bare better-sqlite3`, 'all', walk((name) => select.get(name), manyNames)],
  ] as const;
  const times = await inTurn(
    reads,
    walks.map(([, , read]) => read),
  );
  bare.close();
  const [fewest = [], , , all = [], allBare = []] = times;
  return {
    title: 'Growth',
    how:
      '`get` of names in no order, again and again. SQLite keeps 16 MB of the file in memory. All 100,000 names are 400 MB, so nearly every read asks the ' +
      'system for one more page, also in bare better-sqlite3.',
    columns: ['names in the file', 'names read', '`get`, µs', '÷ 10 names'],
    rows: walks.map(([inFile, read], index) => {
      const taken = times[index] ?? [];
      return [inFile, read, spread(summarize(taken), batch / 1000), digits(ratioOf(taken, fewest))];
    }),
    results: { growth: ratioOf(all, allBare) },
  };
}

function repeat(work: () => unknown): () => void {
  return () => {
    for (let count = 0; count < batch; count++) work();
  };
}

function fill(path: string, count: number): string {
  openTokenStore(path).close();
  const database = new Database(path);
  const insert = database.prepare(
    'INSERT INTO token (app_name, refresh_token, access_token, expires_at) VALUES (?, ?, ?, ?)',
  );
  database.transaction(() => {
    for (let index = 0; index < count; index++) {
      const { refreshToken, accessToken, expiresAt } = recordOf(index);
      insert.run(`app${index}`, refreshToken, accessToken, expiresAt);
    }
  })();
  database.close();
  return path;
}
