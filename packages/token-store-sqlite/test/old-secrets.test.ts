import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type TokenRecord } from '../src/index.ts';

/**
 * A token that repeats its mark. Any 17 bytes of it that are left in a file contain the mark, which tells the token.
 */
let made = 0;
function markedToken(): { mark: string; token: string } {
  const mark = `m${String(made++).padStart(7, '0')}|`;
  const length = [30, 300, 1_500, 5_000, 20_000][made % 5] ?? 0;
  return { mark, token: mark.repeat(Math.ceil(length / mark.length)) };
}

/** The marks in all files of the directory: the database, and any journal or log. */
function marksIn(directory: string): Set<string> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const bytes = files.map((name) => readFileSync(join(directory, name), 'latin1')).join('\n');
  // A token is one match: the file has many thousand marks.
  return new Set(Array.from(bytes.matchAll(/(m\d{7}\|)\1*/g), ([, mark = '']) => mark));
}

/** Pseudorandom numbers from 0 to 1, the same ones in every run. */
function* pseudorandom(): Generator<number, never> {
  for (let seed = 12_345; ; ) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    yield seed / 2 ** 31;
  }
}

test('no byte of a token that was replaced or deleted is left when the call returns', () => {
  const directory = temporaryDirectory();
  using store = openTokenStore(join(directory, 'tokens.db'));
  const live = new Map<string, { marks: string[]; record: TokenRecord }>();
  const random = pseudorandom();
  for (let round = 0; round < 100; round++) {
    const name = `app${Math.floor(random.next().value * 20)}`;
    const [refresh, access] = [markedToken(), markedToken()];
    const record = { refreshToken: refresh.token, accessToken: access.token };
    const before = live.get(name);
    const choice = random.next().value;
    if (choice < 0.2) {
      assert.is(store.delete(name), before !== undefined);
      live.delete(name);
    } else {
      if (choice < 0.6) assert.ok(store.replace(name, before?.record.refreshToken, record));
      else store.set(name, record);
      live.set(name, { marks: [refresh.mark, access.mark], record });
    }
    const expected = [...live.values()].flatMap(({ marks }) => marks).sort();
    assert.equal([...marksIn(directory)].sort(), expected, `round ${round}: ${name}`);
  }
});

test('opening a file of the original class removes the tokens that the class replaced', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'tokens.db');
  const database = new Database(path);
  database.exec('CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))');
  const write = database.prepare(
    'INSERT INTO token VALUES (?, ?) ON CONFLICT (app_name) DO UPDATE SET refresh_token = excluded.refresh_token',
  );
  let last = markedToken();
  for (let round = 0; round < 10; round++) {
    last = markedToken();
    write.run('app', last.token);
  }
  database.close();
  assert.ok(marksIn(directory).size > 1, 'the original class left nothing, so this test shows nothing');
  openTokenStore(path).close();
  assert.equal([...marksIn(directory)], [last.mark]);
});

test('rekey leaves no plain token in any part of the file', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'tokens.db');
  using store = openTokenStore(path);
  for (let index = 0; index < 20; index++) store.set(`app${index}`, { refreshToken: markedToken().token });
  // Another program on the same file, which does not overwrite what it deletes.
  const database = new Database(path);
  database.exec("DELETE FROM token WHERE app_name < 'app15'");
  database.close();
  assert.ok(marksIn(directory).size > store.list().length, 'nothing was left over, so this test shows nothing');
  store.rekey(new Uint8Array(32).fill(1));
  assert.equal([...marksIn(directory)], []);
  assert.is(store.list().length, 13);
});

test.run();
