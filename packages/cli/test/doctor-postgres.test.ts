import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DoesNotApply, heldInPostgres, judgePooler, judgeRights } from '../src/commands/doctor/checks.ts';
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
    'no tables, and no right to make them',
    { tables: 'missing', missingRights: ['CREATE ON SCHEMA x'] },
    /CREATE ON SCHEMA x.* login .*GRANT/,
  ],
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

test('a pooler that is away for longer than the server is wrong', () => {
  for (const pooler of [undefined, { serverLoginRetry: undefined }])
    assert.throws(
      () => judgePooler({ ...good, pooler }),
      (error: unknown) => error instanceof DoesNotApply,
    );
  assert.match(judgePooler({ ...good, pooler: { serverLoginRetry: 1_000 } }), / 1 s$/);
  assert.throws(
    () => judgePooler({ ...good, pooler: { serverLoginRetry: 15_000 } }),
    / 15 s\b.*server_login_retry = 1 /,
  );
});

test('a lock is named by what it is for, and who holds it', () => {
  const locks = ['ada', 'sign-in\u001fbob'].map((name) => ({ name, holder: 'process 7 of host' }));
  const [refresh, signIn] = heldInPostgres({ ...good, locks }).map(({ problem }) => problem);
  assert.match(refresh ?? '', /^process 7 of host .* ada$/);
  assert.match(signIn ?? '', /^process 7 of host .* bob$/);
});

test.run();
