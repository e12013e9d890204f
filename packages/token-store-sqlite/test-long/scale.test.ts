// Takes about 15 s.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type TokenRecord } from '../src/index.ts';
import { startProgram } from '../test/start-program.ts';

const many = 100_000;

/** A database with that many names, filled in one transaction: the store itself would sync each record to the disk. */
function databaseWith(count: number): string {
  const path = join(temporaryDirectory(), 'tokens.db');
  const store = openTokenStore(path);
  store.set('app0', recordOf(0));
  store.close();
  const database = new Database(path);
  const insert = database.prepare(
    'INSERT INTO token (app_name, refresh_token, access_token, expires_at) VALUES (?, ?, ?, ?)',
  );
  database.transaction(() => {
    for (let index = 1; index < count; index++) {
      const { refreshToken, accessToken, expiresAt } = recordOf(index);
      insert.run(`app${index}`, refreshToken, accessToken, expiresAt);
    }
  })();
  database.close();
  return path;
}

function recordOf(index: number): TokenRecord {
  return { refreshToken: `refresh-${index}-${'r'.repeat(500)}`, accessToken: 'a'.repeat(1_500), expiresAt: index };
}

/** The shortest of many measurements: the time that it takes if nothing disturbs it. */
function fastest(measurements: number, act: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < measurements; index++) {
    const start = performance.now();
    act();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

const [large, small] = [databaseWith(many), databaseWith(10)];

/**
 * Each call reads 200 records in an order that looks random: strides of a prime among `among` names, of which it uses
 * the first `names`.
 */
function walk(get: (name: string) => Partial<TokenRecord> | undefined, among: number, names = among): () => void {
  let next = 0;
  return () => {
    for (let read = 0; read < 200; read++) {
      next = (next + 1) % names;
      const index = (next * 7_919) % among;
      if (get(`app${index}`)?.expiresAt !== index) throw new Error(`app${index}`);
    }
  };
}

/** The shortest of many measurements of each, in turn. */
function leastInTurn(one: () => void, other: () => void): [number, number] {
  let [least, leastOther] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 25; round++) {
    least = Math.min(least, fastest(10, one));
    leastOther = Math.min(leastOther, fastest(10, other));
  }
  return [least, leastOther];
}

test('get of 2,000 names among 100,000, in no order, takes at most 3 times as long as of 10 among 10', () => {
  using among = openTokenStore(large);
  using few = openTokenStore(small);
  const [slow, fast] = leastInTurn(
    walk((name) => among.get(name), many, 2_000),
    walk((name) => few.get(name), 10),
  );
  console.log(`get: ${(slow / fast).toFixed(2)} times`);
  // On an idle machine it is about 1.3 times, on one whose caches other programs use 1.6. Without an index it would be hundreds of times.
  assert.ok(slow / fast <= 3, `${slow / fast} times`);
});

test('get of all 100,000 names, in no order, takes at most 1.75 times as long as the statement in bare better-sqlite3', () => {
  using among = openTokenStore(large);
  const bare = new Database(large);
  const select = bare.prepare(
    'SELECT refresh_token, access_token, expires_at AS expiresAt, obtained_at, client_id, authority, scope, id_token FROM token WHERE app_name = ?',
  );
  const [ours, theirs] = leastInTurn(
    walk((name) => among.get(name), many),
    walk((name) => select.get(name) as { expiresAt: number } | undefined, many),
  );
  bare.close();
  console.log(`get of all: ${(ours / theirs).toFixed(2)} times`);
  // Each get looks whether the file is still the same: one stat, a tenth of its time. So it is 1.2 times, on a machine whose caches other
  // programs use up to 1.5. A second look, as for the files beside it, would make it 2.
  assert.ok(ours / theirs <= 1.75, `${ours / theirs} times`);
});

test('opening with 100,000 names takes hardly longer than with 10', () => {
  const open = (path: string) => () => {
    using store = openTokenStore(path);
    store.get('app5');
  };
  const ratio = fastest(100, open(large)) / fastest(100, open(small));
  console.log(`opening: ${ratio.toFixed(2)} times`);
  assert.ok(ratio < 3, `${ratio} times`);
});

test('100,000 names are listed within a second of processor time', () => {
  using store = openTokenStore(large);
  let count = 0;
  let milliseconds = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) {
    const before = process.cpuUsage();
    count = store.list().length;
    const { user, system } = process.cpuUsage(before);
    milliseconds = Math.min(milliseconds, (user + system) / 1000);
  }
  console.log(`list: ${milliseconds.toFixed(0)} ms`);
  assert.is(count, many);
  assert.ok(milliseconds < 1_000, `${milliseconds} ms`);
});

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: strace shows which files are made meanwhile (apt-get install strace)');

(canTrace ? test : test.skip)('10,000 records are encrypted in one transaction, without a file elsewhere', async () => {
  // More than SQLite keeps in memory.
  const path = databaseWith(10_000);
  const trace = join(temporaryDirectory(), 'trace');
  const tool = ['strace', '-f', '--seccomp-bpf', '-o', trace, '-e', 'trace=open,openat,creat'];
  const { code } = await startProgram('once', ['encrypt', path], tool).ended;
  assert.is(code, 0);
  const made = readFileSync(trace, 'utf8').matchAll(/"([^"]+)", [^\n]*O_CREAT/g);
  const elsewhere = [...made].map(([, file = '']) => file).filter((file) => file !== `${path}-journal`);
  assert.equal(
    elsewhere.filter((file) => !file.includes('node_modules/.cache')),
    [],
  );
  using store = openTokenStore(path, { key: Buffer.alloc(32, 'k') });
  for (const index of [0, 1, 9_999]) assert.equal(store.get(`app${index}`), recordOf(index));
  assert.is(store.list().length, 10_000);
});

test.run();
