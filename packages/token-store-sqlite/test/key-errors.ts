import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import * as assert from 'uvu/assert';
import { openTokenStore, TokenStoreError } from '../src/index.ts';

/** `act` is STORE_KEY for this reason. */
export function keyError(reason: string, act: () => unknown, message = /./): void {
  assert.throws(act, (error: unknown) => {
    assert.instance(error, TokenStoreError);
    assert.is((error as TokenStoreError).code, 'STORE_KEY', (error as Error).message);
    assert.is((error as TokenStoreError).reason, reason, (error as Error).message);
    assert.match((error as Error).message, message);
    return true;
  });
}

/** A file with this key opens neither without one nor with a wrong one, and stays as it is. */
export function assertLocked(key: string | Uint8Array, wrong: readonly (string | Uint8Array)[]): void {
  const path = join(temporaryDirectory(), 'tokens.db');
  openTokenStore(path, { key }).close();
  const empty = readFileSync(path);
  keyError('key-missing', () => openTokenStore(path), /is encrypted. Open it with its key/);
  for (const other of wrong) keyError('key-wrong', () => openTokenStore(path, { key: other }), /another key/);
  assert.ok(readFileSync(path).equals(empty), 'the file was changed');
}
