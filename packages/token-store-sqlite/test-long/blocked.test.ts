// Takes about 17 s.
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type TokenStoreError } from '../src/index.ts';
import { startProgram } from '../test/start-program.ts';

test('a database that stays locked is STORE_BUSY after 5 seconds, for readers and writers', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'old' });
  const program = startProgram('block', [path, 300_000]);
  assert.is(await program.line(), 'blocks');
  for (const act of [
    () => store.get('app'),
    () => store.replace('app', 'old', { refreshToken: 'new' }),
    () => openTokenStore(path),
  ]) {
    const started = performance.now();
    assert.throws(
      act,
      (error: TokenStoreError) =>
        error.code === 'STORE_BUSY' && error.reason === 'database-locked' && /Try again/.test(error.message),
    );
    const waited = performance.now() - started;
    // SQLite adds up how long it meant to sleep. On a busy machine each sleep is longer.
    assert.ok(waited > 4_500 && waited < 40_000, `${waited} ms`);
  }
  program.kill('SIGKILL');
  await program.ended;
  assert.equal(store.get('app'), { refreshToken: 'old' });
});

test.run();
