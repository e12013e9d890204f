import * as assert from 'node:assert/strict';
import type { ContractStore } from '../contract.ts';
import { soon, whileOccupied } from './exclusively.ts';
import { full } from './records.ts';

export const sharingCases: Record<string, (store: ContractStore, other: ContractStore) => Promise<void>> = {
  'what one store has written, another one reads': async (store, other) => {
    await store.set('app', full);
    assert.deepEqual(await other.get('app'), full);
    assert.equal(await other.replace('app', 'refresh-1', { refreshToken: 'refresh-2' }), true);
    assert.equal(await store.replace('app', 'refresh-1', { refreshToken: 'refresh-3' }), false);
    assert.equal(await store.delete('app'), true);
    assert.deepEqual(await other.list(), []);
  },

  'exclusively excludes the tasks of another store': async (store, other) => {
    await whileOccupied(store, 'app', async (end) => {
      const impatient = other.exclusively('app', async () => assert.fail('the task ran'), { timeout: 20 });
      await assert.rejects(soon(impatient), { code: 'STORE_BUSY' });
      assert.equal(await soon(other.exclusively('other', async () => 'free')), 'free');
      const waiting = other.exclusively('app', async () => 'my turn');
      await end();
      assert.equal(await soon(waiting), 'my turn');
    });
  },
};
