import { join } from 'node:path';
import { test } from 'uvu';
import { openTokenStore } from '../src/index.ts';
import { assertRead } from '../test/read-as.ts';
import { temporaryDirectory } from '../test/temporary-directory.ts';

const path = join(temporaryDirectory(), 'tokens.db');
{
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'refresh', accessToken: 'access' });
}

for (const version of ['22.19.0', '22.99.0', '25.6.1']) {
  test(`Node ${version} would print a warning for its SQLite, so better-sqlite3 reads`, () =>
    assertRead(version, 'better-sqlite3', path));
}

for (const version of ['25.7.0', '26.0.0']) {
  test(`Node ${version} has a stable SQLite, which reads`, () => assertRead(version, 'node:sqlite', path));
}

test.run();
