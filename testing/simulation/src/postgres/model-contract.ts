import * as assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { PrivateCluster, testOrSkip } from 'testing-postgres';
import { foundWithin, type StatementDefect } from '../defects/statement-defects.ts';
import { Choices, streams } from '../machine/choices.ts';
import { epoch } from '../machine/machine.ts';
import { type Row, statements, Tables } from './tables.ts';

const stepsOfSequence = 40;
/** For a lock to be waited for, and for notifications. */
const timeoutMs = 10_000;

/** Functions that PostgreSQL finds before its own clock. */
const clock = ['received:statement_timestamp', 'now:clock_timestamp'].map((each) => {
  const [setting, name] = each.split(':');
  return `CREATE FUNCTION model.${name}() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT to_timestamp(current_setting('model.${setting}')::float8 / 1000) $$`;
});

interface Call {
  readonly statement: keyof typeof statements;
  readonly values: readonly unknown[];
  /** By the clock of the server. */
  readonly received: number;
  readonly now: number;
}

/** The tests that hold the model of PostgreSQL against a real one: the same statements, drawn by a seed, have the same answers. */
export async function modelContract(options: {
  sequences: number;
  defects: readonly StatementDefect[];
}): Promise<void> {
  const test = testOrSkip();
  let server: RealServer;
  test.before(async () => {
    server = await RealServer.start();
  });
  test.after(() => server.end());

  test(`the model answers as PostgreSQL does in ${options.sequences} sequences of ${stepsOfSequence} statements`, async () => {
    const firstSeed = Number(process.env.SIMULATION_SEED ?? 1);
    for (let seed = firstSeed; seed < firstSeed + options.sequences; seed++) {
      const different = await compare(server, seed);
      assert.equal(different, undefined, different);
    }
  });

  for (const { name, statement, from, to } of options.defects) {
    test(`SQL that ${name} is answered differently within ${foundWithin} sequences`, async () => {
      const text = String(statements[statement as keyof typeof statements]);
      assert.ok(text.includes(from), `the statement ${statement} does not have: ${from}`);
      const patched = new Map([[text, text.replaceAll(from, () => to)]]);
      let seed = 0;
      let different: string | undefined;
      while (different === undefined && seed < foundWithin) different = await compare(server, ++seed, patched);
      assert.ok(different, 'no answer was different');
      console.log(`measured: ${name}: seed ${seed}, ${different.split('\n')[0]}`);
    });
  }

  test.run();
}

/** How the model and the server differ in the sequence of this seed. `patched`: other texts for the server. */
async function compare(
  server: RealServer,
  seed: number,
  patched?: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const draw = new Sequence(new Choices(seed));
  const tables = new Tables();
  const notices: string[] = [];
  await server.clear();
  for (let step = 0; step < stepsOfSequence; step++) {
    const call = draw.next();
    const meanwhile = draw.isRare(4) ? draw.next(call.received) : undefined;
    const finish = tables.receive(String(statements[call.statement]), call.values, call.received);
    const first =
      meanwhile && tables.receive(String(statements[meanwhile.statement]), meanwhile.values, meanwhile.received);
    const before = first?.(meanwhile?.now ?? 0);
    const real = await server.run(call, meanwhile, patched);
    // The server waits for a locked row for a while only. Then it has done nothing.
    const answer = real.answer === 'locked' ? 'locked' : comparable(finish(call.now));
    notices.push(...tables.notices.splice(0));
    const says = (what: unknown): string => JSON.stringify(what);
    const where = `seed ${seed}, step ${step}, ${call.statement}(${says(call.values)})`;
    if (meanwhile && says(real.meanwhile) !== says(comparable(before ?? [])))
      return `${where} after ${meanwhile.statement}(${says(meanwhile.values)}):\nmodel ${says(before)}\nserver ${says(real.meanwhile)}`;
    if (says(real.answer) !== says(answer)) return `${where}:\nmodel ${says(answer)}\nserver ${says(real.answer)}`;
    if (real.answer !== 'locked') draw.learn(real.answer as Row[]);
  }
  const told = await server.told(notices.length);
  notices.sort();
  return JSON.stringify(told) === JSON.stringify(notices)
    ? undefined
    : `seed ${seed}: notifications\nmodel ${notices}\nserver ${told}`;
}

/** Draws statements whose values fit together now and then. */
class Sequence {
  readonly #choices: Choices;
  #clock = epoch;
  #revision = 0;
  /** As the last answers had them. */
  #seen: string | null = null;
  #fence = '1';
  #revisions: (string | null)[] = [null];

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  isRare(oneIn: number): boolean {
    return this.#choices.isRare(streams.order, oneIn);
  }

  next(received?: number): Call {
    if (received === undefined) this.#clock += this.#pick([0, 1, 500, 1_200, 6_000, -3_000, 3_600_000, -3_600_000]);
    const time = received ?? this.#clock;
    const name = this.#pick(['a', 'a', 'b']);
    const owner = this.#pick(['x:1000', 'y:5000']);
    const lease = this.#pick([
      [owner, this.#fence, 1_000],
      [owner, '2', 5_000],
      [null, null, null],
    ]);
    const statement = this.#pick([
      'take',
      'take',
      'take',
      'renew',
      'release',
      'write',
      'write',
      'write',
      'read',
      'look',
      'locks',
      'list',
    ] as const);
    const base = this.#pick(this.#revisions);
    // Now and then it arrives twice.
    const revision = (this.isRare(3) && this.#pick(this.#revisions)) || `r${++this.#revision}`;
    const record = this.#pick([
      [`{"refreshToken": "${revision}"}`, null],
      [null, Buffer.from(revision)],
      [null, null],
    ]);
    const salt = this.isRare(8) ? Buffer.from('other') : null;
    const values: Record<typeof statement, readonly unknown[]> = {
      take: [
        name,
        owner,
        'a host',
        this.#pick([1_000, 5_000]),
        this.#pick([0, 1_100, 5_000]),
        this.#pick([null, this.#seen]),
        this.isRare(4),
      ],
      renew: [name, owner, this.#fence, 1_000],
      release: [name, owner, 'topic'],
      write: [name, ...record, revision, salt, base, ...lease, 'topic'],
      read: [['a', 'b', 'c']],
      look: [['a', 'b', 'c']],
      locks: [[owner]],
      list: [],
    };
    return { statement, values: values[statement], received: time, now: time + this.#pick([0, 0, 700]) };
  }

  learn(rows: readonly Row[]): void {
    for (const { seen, fence, revision } of rows) {
      if (seen) this.#seen = seen;
      if (fence) this.#fence = fence;
      if (revision) this.#revisions = [null, revision, ...this.#revisions.slice(1, 3)];
    }
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#choices.below(streams.plan, values.length)] as T;
  }
}

/** PostgreSQL, with a clock that is set before each statement. */
class RealServer {
  readonly #cluster: PrivateCluster;
  readonly #clients: readonly pg.Client[];
  readonly #told: string[] = [];

  private constructor(cluster: PrivateCluster, clients: readonly pg.Client[]) {
    this.#cluster = cluster;
    this.#clients = clients;
    clients[2]?.on('notification', ({ payload = '' }) => this.#told.push(payload));
  }

  static async start(): Promise<RealServer> {
    const cluster = await PrivateCluster.start();
    const types = { getTypeParser: () => (value: string | Buffer) => value };
    const clients = [1, 2, 3].map(() => new pg.Client({ connectionString: cluster.connectionString(), types }));
    for (const client of clients) await client.connect();
    const [one] = clients as [pg.Client];
    for (const text of ['CREATE SCHEMA model', ...clock, ...statements.createTables, statements.insertMeta])
      await one.query(text);
    for (const client of clients) await client.query('SET search_path = model, pg_catalog');
    await clients[2]?.query(`LISTEN ${statements.channel}`);
    return new RealServer(cluster, clients);
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.end();
    await this.#cluster[Symbol.asyncDispose]();
  }

  async clear(): Promise<void> {
    await this.#clients[0]?.query('TRUNCATE public.oauth_token, public.oauth_token_lease');
    this.#told.length = 0;
  }

  /** `meanwhile` is done first, and committed when the other one waits for it or is answered. */
  async run(call: Call, meanwhile: Call | undefined, patched?: ReadonlyMap<string, string>) {
    const [one, other] = this.#clients as [pg.Client, pg.Client];
    let before: Row[] = [];
    if (meanwhile) {
      await other.query('BEGIN');
      before = await ask(other, meanwhile);
    }
    let isAnswered = false;
    const answering = ask(one, call, patched).finally(() => {
      isAnswered = true;
    });
    answering.catch(() => {});
    if (meanwhile) {
      await this.#untilWaiting(() => isAnswered);
      await other.query('COMMIT');
    }
    const answer = await answering.catch((error: { code?: string }) => {
      if (error.code === '55P03') return 'locked' as const;
      throw error;
    });
    return { answer, meanwhile: before };
  }

  async told(count: number): Promise<string[]> {
    for (const end = performance.now() + timeoutMs; this.#told.length < count && performance.now() < end; )
      await delay(1);
    // Those that come besides.
    await this.#clients[2]?.query('SELECT');
    return [...this.#told].sort();
  }

  async #untilWaiting(isAnswered: () => boolean): Promise<void> {
    const end = performance.now() + timeoutMs;
    const query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while (!isAnswered()) {
      if ((await this.#clients[2]?.query(query))?.rowCount) return;
      assert.ok(performance.now() < end, 'the statement is neither answered nor waiting');
    }
  }
}

async function ask(client: pg.Client, call: Call, patched?: ReadonlyMap<string, string>): Promise<Row[]> {
  const { received, now } = call;
  await client.query(`SET model.received = '${received}'; SET model.now = '${now}'`);
  const text = String(statements[call.statement]);
  const { rows } = await client.query(patched?.get(text) ?? text, [...call.values]);
  return comparable(rows);
}

/** Rows in one order, and numbers in one form. */
function comparable(rows: readonly Row[]): Row[] {
  const same = rows.map((row) => {
    const rounded = Object.entries(row).map(([column, value]) =>
      column.endsWith('_ms') && value != null ? [column, `${Math.round(Number(value))}`] : [column, value],
    );
    return Object.fromEntries(rounded.sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1)));
  });
  return same.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
}
