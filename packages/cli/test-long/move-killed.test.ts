// Takes about 40 s.
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Ended, openSignedInScene } from 'testing-command';
import { missingTools, PrivateCluster } from 'testing-postgres';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';

const missing = missingTools(['initdb', 'postgres', 'psql']);
if (missing !== undefined) console.log(missing);
const test = missing === undefined ? uvuTest : Object.assign((name: string) => uvuTest.skip(name, () => {}), uvuTest);

const cluster = missing === undefined ? await PrivateCluster.start() : (undefined as unknown as PrivateCluster);
const { home, ...scene } = await openSignedInScene();
uvuTest.after(async () => {
  await scene[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

const app = 'onedrive-token';
const url = cluster?.connectionString();
const file = home.db;
const saved = join(home.folder, 'saved.db');
const log = join(home.folder, 'writes');
const isApp = (name: string): boolean => name === app;

/** The names under which the file has a record. */
function namesInFile(): string[] {
  if (!existsSync(file)) return [];
  const database = new DatabaseSync(file);
  const names = database.prepare('SELECT app_name AS name FROM token').all();
  database.close();
  return names.map(({ name }) => String(name));
}

async function namesInPostgres(): Promise<string[]> {
  return (await cluster.query('SELECT name FROM oauth_token')).split('\n').filter((name) => name !== '');
}

/** The refresh token that a database has for the app. */
async function refreshTokenIn(db: string): Promise<string | undefined> {
  if (db === url) return cluster.query(`SELECT record->>'refreshToken' FROM oauth_token WHERE name = '${app}'`);
  const database = new DatabaseSync(file);
  const row = database.prepare('SELECT refresh_token AS token FROM token WHERE app_name = ?').get(app);
  database.close();
  return row?.token as string | undefined;
}

/** The sign-in is in the file alone, or in PostgreSQL alone, and no lock is held: the lease of a killed process ends by itself. */
async function reset(source: string): Promise<void> {
  rmSync(file, { force: true });
  if (source === file) cpSync(saved, file);
  await cluster.query(`TRUNCATE oauth_token, oauth_token_lease`);
  if (source === url) await cluster.query('INSERT INTO oauth_token SELECT * FROM saved');
}

function move(from: string, to: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return home.run(['move', '--db', from, '--to', to], { env });
}

/** Starts a move that is killed at a write. Resolves with the writes that began. */
async function moveAndKill(from: string, to: string, killAt: number, when: string): Promise<string[]> {
  rmSync(log, { force: true });
  const preload = join(import.meta.dirname, '../test/fixtures/kill-at-write.ts');
  const env = { NODE_OPTIONS: `--import=${preload}`, KILL_AT: `${killAt}`, KILL_WHEN: when, WRITES: log };
  const { status, signal, stderr } = await move(from, to, env);
  if (killAt === 0) assert.is(status, 0, stderr);
  else assert.is(signal, 'SIGKILL', stderr);
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

/** Both databases exist, with their tables, so that a move writes no more than it must. */
async function prepare(): Promise<void> {
  cpSync(file, saved);
  const { status, stderr } = await move(file, url);
  assert.is(status, 0, stderr);
  await cluster.query('CREATE TABLE saved AS TABLE oauth_token');
}
if (missing === undefined) await prepare();

for (const [what, from, to] of [
  ['a file to PostgreSQL', file, url],
  ['PostgreSQL to a file', url, file],
] as const) {
  test(`a move from ${what} that is killed at any of its writes loses nothing, and the next one finishes it`, async () => {
    await reset(from);
    const writes = await moveAndKill(from, to, 0, 'never');
    console.log(`measured: ${writes.length} writes`);
    const token = await refreshTokenIn(to);
    assert.ok(token);
    // The copy, both deletes, the write at the target, and the locks of PostgreSQL.
    assert.ok(writes.length >= 8, `${writes.length} writes`);
    for (let killAt = 1; killAt <= writes.length; killAt++) {
      for (const when of writes[killAt - 1]?.startsWith('PostgreSQL') ? ['before', 'after'] : ['before']) {
        const where = `killed ${when} write ${killAt}: ${writes[killAt - 1]}`;
        await reset(from);
        await moveAndKill(from, to, killAt, when);
        const found = [...namesInFile(), ...(await namesInPostgres())];
        assert.ok(found.filter(isApp).length <= 1, `usable in both: ${where}`);
        assert.ok(
          found.some((name) => name.endsWith(app)),
          `lost: ${where}`,
        );
        await cluster.query('TRUNCATE oauth_token_lease');
        const next = await move(from, to);
        // 3: all of it was done, and there was nothing to move any more.
        const wasDone = next.status === 3 && namesInFile().length + (await namesInPostgres()).length === 1;
        assert.ok(next.status === 0 || wasDone, `${next.status} ${next.stderr}: ${where}`);
        assert.is(await refreshTokenIn(to), token, where);
        assert.equal([...namesInFile(), ...(await namesInPostgres())], [app], where);
      }
    }
  });
}

uvuTest.run();
