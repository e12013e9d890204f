import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenStoreError } from '../src/index.ts';

test('an error has only the details that are known', () => {
  const error = new TokenStoreError('STORE_OPEN', 'message');
  assert.equal([error.name, error.code, error.message], ['TokenStoreError', 'STORE_OPEN', 'message']);
  for (const detail of ['cause', 'reason', 'path', 'pid', 'holder']) assert.not.ok(detail in error, detail);
});

test('an error has all the details that it was given', () => {
  const details = { cause: new Error('cause'), reason: 'moved', path: '/tokens.db', pid: 5, holder: 'host, process 5' };
  const { cause, reason, path, pid, holder } = new TokenStoreError('STORE_BUSY', 'message', details);
  assert.equal({ cause, reason, path, pid, holder }, details);
});

test.run();
