import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { signInAs } from 'testing-authority';
import { missingTools, PrivateCluster } from 'testing-postgres';
import { openPostgresTokenStore, type PostgresTokenStore } from 'token-store-postgres';
import { programPath } from '../build-programs.ts';
import type { Effort } from '../effort.ts';
import { digits, spread } from '../format.ts';
import { inTurn, ratioOf } from '../in-turn.ts';
import { Program } from '../program.ts';
import { latencyMs, type Outcome, raceAtExpiry } from '../race-at-expiry.ts';
import { median, summarize } from '../sample.ts';
import { assertTrue, recordOf, refreshTokenOf } from '../sample-record.ts';
import type { Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { handler } from '../subjects.ts';

const title = 'The store in PostgreSQL';
const name = 'onedrive-token';
/** A renewal comes every third of it. */
const leaseTime = 300;

/** token-store-postgres, in a cluster that writes durably, beside bare statements of pg. */
export async function measurePostgres(stage: Stage, { queries, fleet, expiries }: Effort): Promise<Section[]> {
  const missing = missingTools(['initdb', 'postgres']);
  if (missing) {
    console.log(missing);
    return [{ title, how: `Not measured: ${missing.replace('skipped: ', '')}.`, columns: [''], rows: [] }];
  }
  await using cluster = await PrivateCluster.start({ settings: { fsync: 'on', full_page_writes: 'on' } });
  const connectionString = cluster.connectionString();
  await using store = await openPostgresTokenStore({ connectionString, leaseTime });
  const pool = new pg.Pool({ connectionString, max: 1 });
  try {
    await pool.query(
      'CREATE TABLE bare_token (name text PRIMARY KEY, access_token text, refresh_token text, expires_at bigint)',
    );
    await pool.query('CREATE TABLE bare_record (name text PRIMARY KEY, record json)');
    return [
      await measureCalls(store, pool, queries),
      await measureFleet(stage, pool, { connectionString, fleet, expiries }),
    ];
  } finally {
    await pool.end();
  }
}

async function measureCalls(store: PostgresTokenStore, pool: pg.Pool, queries: number): Promise<Section> {
  await store.set('app', recordOf(0));
  await pool.query('INSERT INTO bare_record VALUES ($1, $2)', ['app', recordOf(0)]);
  await pool.query("INSERT INTO bare_token VALUES ('app')");
  const client = await pool.connect();
  const [taken, released, locked, unlocked]: number[][] = [[], [], [], []];
  const timed = async <T>(times: number[] | undefined, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    times?.push(performance.now() - started);
    return result;
  };
  const [got = [], selected = [], replaced = [], updated = []] = await inTurn(queries, [
    () => store.get('app'),
    () => client.query('SELECT record FROM bare_record WHERE name = $1', ['app']),
    async (round) => assertTrue(await store.replace('app', refreshTokenOf(round), recordOf(round + 1))),
    async (round) => {
      const values = [recordOf(round + 1), 'app', refreshTokenOf(round)];
      const update = "UPDATE bare_record SET record = $1 WHERE name = $2 AND record->>'refreshToken' = $3";
      assertTrue((await client.query(update, values)).rowCount === 1);
    },
  ]);
  await inTurn(queries, [
    async () => {
      const asked = performance.now();
      let done = 0;
      await store.exclusively('app', async () => {
        taken?.push(performance.now() - asked);
        done = performance.now();
      });
      released?.push(performance.now() - done);
    },
    async () => {
      await timed(locked, async () => {
        await client.query('BEGIN');
        await client.query('SELECT name FROM bare_token WHERE name = $1 FOR UPDATE', ['app']);
      });
      await timed(unlocked, () => client.query('COMMIT'));
    },
  ]);
  const renewed = await timeRenewals(store, Math.ceil(queries / 20));
  client.release();
  const row = (what: string, ours: number[] = [], beside = '', bare: number[] = []): string[] => [
    what,
    ours.length > 0 ? spread(summarize(ours)) : '–',
    beside,
    bare.length > 0 ? spread(summarize(bare)) : '–',
    bare.length > 0 ? digits(ratioOf(ours, bare)) : '–',
  ];
  return {
    title,
    how:
      'A private cluster on loopback, with durable writes, and the same statements by bare `pg`, in turn. A lock of the store is a lease that outlives a lost connection and ' +
      'pins none: taking, renewing and releasing it are durable writes. `SELECT … FOR UPDATE` writes nothing, and holds its connection for as long as the lock.',
    columns: ['', 'the store, ms', 'beside', 'bare `pg`, ms', '÷'],
    rows: [
      row('`get`', got, '`SELECT`', selected),
      row('`replace`', replaced, '`UPDATE`', updated),
      row('take a lock', taken, '`BEGIN`, `SELECT … FOR UPDATE`', locked),
      row('renew it', renewed, 'nothing: it lasts as long as its connection'),
      row('release it', released, '`COMMIT`', unlocked),
    ],
  };
}

/** How long the renewals take: the only statements of the store while a task does nothing. */
async function timeRenewals(store: PostgresTokenStore, count: number): Promise<number[]> {
  const times: number[] = [];
  const { query } = pg.Client.prototype as unknown as { query: (...args: unknown[]) => Promise<unknown> };
  await store.exclusively('app', async () => {
    pg.Client.prototype.query = async function (this: pg.Client, ...args: unknown[]) {
      const started = performance.now();
      const result = await query.apply(this, args);
      times.push(performance.now() - started);
      return result;
    } as typeof pg.Client.prototype.query;
    for (const end = Date.now() + 20_000; times.length < count && Date.now() < end; ) await delay(leaseTime / 3);
    pg.Client.prototype.query = query as typeof pg.Client.prototype.query;
  });
  return times;
}

interface FleetOptions {
  readonly connectionString: string;
  readonly fleet: number;
  readonly expiries: number;
}

/** As `measureExpiry`, with a database for all. */
async function measureFleet(stage: Stage, pool: pg.Pool, options: FleetOptions): Promise<Section> {
  const { connectionString, fleet: count, expiries } = options;
  const { authority } = stage;
  const situation = JSON.stringify({ ...stage.situation(handler), connectionString });
  const commandOf = (program: string, mode: string): string[] => [
    process.execPath,
    programPath(program),
    mode,
    situation,
  ];
  const ours: Outcome[] = [];
  const bare: Outcome[] = [];
  const expired = "UPDATE oauth_token SET record = jsonb_set(record::jsonb, '{expiresAt}', '1')::json WHERE name = $1";
  for (let time = 0; time < expiries; time++) {
    await signInWith(commandOf('handler-postgres', 'sign-in-when-told'));
    const command = commandOf('handler-postgres', 'token-when-told');
    ours.push(
      await raceAtExpiry({ authority, command, count, asksFirst: false, expire: () => pool.query(expired, [name]) }),
    );
    const [{ refresh }] = (
      await pool.query("SELECT record->>'refreshToken' AS refresh FROM oauth_token WHERE name = $1", [name])
    ).rows;
    await pool.query(
      'INSERT INTO bare_token VALUES ($1, $2, $3, 0) ON CONFLICT (name) DO UPDATE SET refresh_token = $3, expires_at = 0',
      [name, '', refresh],
    );
    const bareCommand = commandOf('select-for-update', 'token-when-told');
    bare.push(await raceAtExpiry({ authority, command: bareCommand, count, asksFirst: false, expire: () => {} }));
  }
  const row = (label: string, outcomes: Outcome[]): string[] => [
    label,
    String(Math.max(...outcomes.map(({ requests }) => requests))),
    digits(median(outcomes.map(({ tokens }) => tokens))),
    spread(summarize(outcomes.map(({ wall }) => wall))),
  ];
  return {
    title: `${count} processes at expiry, with PostgreSQL`,
    how:
      `As above, with one database for all, as on many machines. The authority takes ${latencyMs} ms to answer. The other program holds a row by ` +
      '`SELECT … FOR UPDATE` in a transaction while its request is under way: in a few lines, with one connection pinned for each process, and with no answer to a ' +
      'connection that dies after the refresh token was spent.',
    columns: ['', 'refresh requests', 'tokens', 'wall, ms'],
    rows: [row('onedrive-token-handler with token-store-postgres', ours), row('`SELECT … FOR UPDATE`', bare)],
    results: { fleetRequests: Math.max(...ours.map(({ requests }) => requests)) },
  };
}

async function signInWith(command: readonly string[]): Promise<void> {
  await using program = new Program(command);
  await program.nextLine();
  program.tell();
  const { open = '', failed: early } = await program.nextLine();
  if (early) throw new Error(early);
  await signInAs(open);
  const { failed } = await program.nextLine();
  if (failed) throw new Error(failed);
}
