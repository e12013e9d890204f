import type { TokenCipher } from 'token-store-kit';
import type { Database, Run } from '../connection/database.ts';
import { retry } from '../connection/retry.ts';
import type { Key } from '../options.ts';
import type { Statements } from '../statements.ts';
import { fromStoredName } from '../stored-name.ts';
import { type KeyRing, newCipher } from './key-ring.ts';
import { keyValues, readMeta } from './open-tables.ts';

/** Records that are encrypted again by one statement. */
const batchSize = 500;

/** Encrypts all records with another key, or with none, in one transaction. */
export async function changeKey(
  database: Database,
  statements: Statements,
  ring: KeyRing,
  key: Key | undefined,
): Promise<void> {
  const next = key === undefined ? undefined : newCipher(key);
  await retry(() =>
    database.transaction(async (run) => {
      await run(statements.lockMeta);
      const current = await readMeta(database, statements, run);
      // Nothing is left to do: an earlier try may have taken place although its answer was lost.
      if (current ? next?.matches(current.salt) : !next) return;
      if (!ring.adopt(current)) throw ring.changedError();
      await sealAll(statements, ring, run, next);
      await run(statements.setKey, keyValues(next?.makeCheck()));
    }),
  );
  ring.change(key, next);
}

async function sealAll(statements: Statements, ring: KeyRing, run: Run, next: TokenCipher | undefined): Promise<void> {
  const rows = await run(statements.readAll);
  for (let start = 0; start < rows.length; start += batchSize) {
    const batch = rows.slice(start, start + batchSize).map((row) => {
      const name = fromStoredName(row.name ?? '');
      const record = ring.open(name, row);
      return { key: row.name, record: next ? null : JSON.stringify(record), sealed: next?.seal(name, record) };
    });
    await run(statements.sealAgain, [
      batch.map(({ key }) => key),
      batch.map(({ record }) => record),
      batch.map(({ sealed }) => (sealed ? Buffer.from(sealed).toString('base64') : null)),
    ]);
  }
}
