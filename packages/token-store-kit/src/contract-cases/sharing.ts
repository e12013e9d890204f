import * as assert from 'node:assert/strict';
import type { TokenStore } from '../token-store.ts';
import { noticesWrites } from './changed.ts';
import { keepsLockFrom } from './exclusively.ts';
import { fullRecord } from './records.ts';
import { app, assertSame } from './soon.ts';

export const sharingCases: Record<string, (store: TokenStore, other: TokenStore) => Promise<void>> = {
  'another store reads what one store has written': async (store, other) => {
    await store.set(app, fullRecord);
    assertSame(await other.get(app), fullRecord);
    assert.equal(await other.replace(app, 'refresh-1', { refreshToken: 'refresh-2' }), true);
    assert.equal(await store.replace(app, 'refresh-1', fullRecord), false);
    assert.equal(await store.delete(app), true);
    assertSame(await other.list(), []);
  },

  'exclusively excludes the tasks of another store until its task has ended, even if the signal aborts': keepsLockFrom,

  'changed, if the store has it, resolves soon after another store writes or deletes the record': noticesWrites,
};
