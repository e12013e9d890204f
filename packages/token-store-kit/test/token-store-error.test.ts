import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenStoreError } from '../src/index.ts';

test('an error has only the details that are known', () => {
  const error = new TokenStoreError('STORE_OPEN', 'it is gone', { reason: undefined });
  assert.equal([error.name, error.code], ['TokenStoreError', 'STORE_OPEN']);
  assert.equal([error.message, error.problem], ['it is gone', 'it is gone']);
  for (const detail of ['cause', 'remedy', 'reason', 'path', 'pid', 'holder']) assert.not.ok(detail in error, detail);
});

test('an error has all the details that it was given', () => {
  const place = { path: '/tokens.db', pid: 5, holder: 'host, process 5' };
  const details = { cause: new Error('cause'), remedy: 'Open it again', reason: 'moved' as const, ...place };
  const { cause, remedy, reason, path, pid, holder } = new TokenStoreError('STORE_BUSY', 'message', details);
  assert.equal({ cause, remedy, reason, path, pid, holder }, details);
});

test('the message of an error is what went wrong and what to do', () => {
  const error = new TokenStoreError('STORE_OPEN', 'it is gone', { remedy: 'Open it again' });
  assert.equal(
    [error.message, error.problem, error.remedy],
    ['it is gone. Open it again', 'it is gone', 'Open it again'],
  );
});

test.run();
