import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from '../test/scene.ts';

/** The statements with which the Python class stores and reads its refresh token. */
const program = `
import sqlite3, sys
_, path, app_name, refresh_token = sys.argv
db = sqlite3.connect(path)
db.execute("CREATE TABLE IF NOT EXISTS token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))")
if refresh_token:
    db.execute("INSERT INTO token (app_name, refresh_token) VALUES (?, ?) ON CONFLICT (app_name) DO UPDATE SET refresh_token = ?",
               (app_name, refresh_token, refresh_token))
    db.commit()
print(db.execute("SELECT refresh_token FROM token WHERE app_name = ?", (app_name,)).fetchone()[0])
`;

const python = (path: string, refreshToken = ''): string =>
  execFileSync('python3', ['-c', program, path, 'my-app', refreshToken], { encoding: 'utf8', timeout: 20_000 }).trim();

const hasPython = ((): boolean => {
  try {
    return (
      execFileSync('python3', ['-c', 'import sqlite3; print(1)'], { encoding: 'utf8', timeout: 20_000 }).trim() === '1'
    );
  } catch {
    return false;
  }
})();
if (!hasPython)
  console.log('skipped: a database of the Python class needs python3 on PATH (Debian: apt install python3)');
const withPython = hasPython ? test : test.skip;

withPython('a database of the Python class needs no new sign-in, and that class can go on using it', async () => {
  await using scene = await openScene();
  const elsewhere = `${scene.folder}/first.db`;
  await scene.signedIn({ dbFilepath: elsewhere });
  const { openTokenStore } = await import('token-store-sqlite');
  using first = openTokenStore(elsewhere);
  const refreshToken = first.get('my-app')?.refreshToken as string;

  python(scene.dbFilepath, refreshToken);
  const token = await scene.handler({ interactive: false }).getToken();
  assert.ok(token);
  const rotated = python(scene.dbFilepath);
  assert.is.not(rotated, refreshToken);

  python(scene.dbFilepath, 'another one of the Python class');
  using store = openTokenStore(scene.dbFilepath);
  assert.is(store.get('my-app')?.accessToken, undefined, 'the cached access token belonged to the old one');
  assert.is(scene.windows.length, 1);
});

test.run();
