import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Scene } from './scene.ts';

const statements = watchStatements();

/** SQLite statements, including those that check the file and its schema, and those of the lock. */
const mostToOpenAndRead = 9;
const mostToRefresh = 14;

test('a token in memory needs no SQLite statement', async () => {
  await using scene = await Scene.open();
  const handler = scene.handler();
  await handler.getToken();
  statements.length = 0;
  for (let call = 0; call < 100; call++) await handler.getToken();
  assert.equal(statements, []);
});

test(`a stored token needs at most ${mostToOpenAndRead} SQLite statements, including those that open the file`, async () => {
  await using scene = await Scene.open();
  const handler = scene.handler();
  statements.length = 0;
  await handler.getToken();
  expectAtMost(mostToOpenAndRead);
});

test(`a refresh needs at most ${mostToRefresh} SQLite statements, in a program that has the file open`, async () => {
  await using scene = await Scene.open();
  const handler = scene.handler();
  await handler.getToken();
  statements.length = 0;
  await handler.getToken({ forceRefresh: true });
  expectAtMost(mostToRefresh);
});

function expectAtMost(limit: number): void {
  console.log(`measured: ${statements.length} SQLite statements`);
  assert.ok(statements.length > 0, 'the test sees statements');
  assert.ok(statements.length <= limit, `${statements.length} statements:\n${statements.join('\n')}`);
}

/** The text of every statement that better-sqlite3 runs in this process from now on. */
function watchStatements(): string[] {
  const seen: string[] = [];
  const database = new Database(':memory:');
  const statement = Object.getPrototypeOf(database.prepare('SELECT 1'));
  database.close();
  for (const name of ['run', 'get', 'all', 'iterate']) {
    const method = statement[name];
    statement[name] = function (this: Database.Statement, ...parameters: unknown[]): unknown {
      seen.push(this.source);
      return method.apply(this, parameters);
    };
  }
  const { exec } = Database.prototype;
  Database.prototype.exec = function (this: Database.Database, text: string) {
    seen.push(...text.split(';').filter((part) => part.trim() !== ''));
    return exec.call(this, text);
  };
  return seen;
}

test.run();
