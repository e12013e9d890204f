import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeRights } from '../src/commands/doctor/checks.ts';
import { Failure } from '../src/terminal/failure.ts';

// What a server says is tested with one, in test-long/.
const good = {
  isReadOnly: false,
  tables: 'ours',
  missingRights: [],
  locks: [],
  serverVersion: '17.6',
  schema: 'public',
} as const;

for (const [what, found, says] of [
  ['a standby', { isReadOnly: true }, /--db$/],
  [
    'a right that is missing',
    { missingRights: ['INSERT ON x', 'UPDATE ON x'] },
    /GRANT INSERT ON x TO .*; GRANT UPDATE ON x TO /,
  ],
] as const) {
  test(`${what} is wrong, and what to do is said`, () => {
    assert.throws(
      () => judgeRights({ ...good, ...found }),
      (error: unknown) => error instanceof Failure && says.test(error.message),
    );
  });
}

test('tables that the user may write are right, and tables that the first login makes', () => {
  assert.is.not(judgeRights(good), judgeRights({ ...good, tables: 'missing' }));
});

test.run();
