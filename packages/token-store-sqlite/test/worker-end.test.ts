/** When a worker thread ends, Node.js closes the files that it has opened. To close a file drops the locks of all threads on it. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DatabaseFile } from '../src/database/database-file.ts';
import { openTokenStore, type TokenStoreError } from '../src/index.ts';
import { newStore } from './lock-holders.ts';
import { startProgram } from './start-program.ts';

/** A thread that has opened the store and asked for the lock. */
async function startWorker(path: string): Promise<{ end(): Promise<unknown> }> {
  const worker = new Worker(new URL('programs/worker.ts', import.meta.url), { workerData: path, execArgv: [] });
  const ended = once(worker, 'exit');
  assert.equal(await Promise.race([once(worker, 'message'), ended]), ['asked']);
  return {
    end() {
      worker.postMessage('end');
      return ended;
    },
  };
}

test('the lock of a task stays when a worker that has asked for it ends', async () => {
  using store = newStore();
  const outcome = await store.exclusively('app', async () => {
    await (await startWorker(store.path)).end();
    return (await startProgram('hold', [store.path, 'app', 0, 0]).ended).output;
  });
  assert.is(outcome, `asks\nSTORE_BUSY ${process.pid}`);
});

for (const [what, prepare] of [
  ['has made it', () => {}],
  ['has closed it to other users', (path: string) => writeFileSync(path, '', { mode: 0o644 })],
] as const) {
  test(`a lock of the database stays when a worker that ${what} ends`, async () => {
    const path = join(temporaryDirectory(), 'tokens.db');
    prepare(path);
    const worker = await startWorker(path);
    const writer = new Database(path);
    writer.exec('BEGIN EXCLUSIVE');
    await worker.end();
    const other = await startProgram('block', [path, 0, 0]).ended.catch(String);
    writer.close();
    assert.match(String(other), 'SQLITE_BUSY');
  });
}

test('a lock that another thread has on a new database stays when it cannot be opened', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  const { connect } = DatabaseFile.prototype;
  let writer: Database.Database | undefined;
  DatabaseFile.prototype.connect = function (options) {
    DatabaseFile.prototype.connect = connect;
    const sql = this.connect(options);
    writer = new Database(path);
    writer.exec('CREATE TABLE other (a); BEGIN IMMEDIATE');
    return sql;
  };
  assert.throws(
    () => openTokenStore(path),
    (error: TokenStoreError) => error.code === 'STORE_OPEN',
  );
  const other = await startProgram('block', [path, 0, 0]).ended.catch(String);
  writer?.close();
  assert.match(String(other), 'SQLITE_BUSY');
});

test.run();
