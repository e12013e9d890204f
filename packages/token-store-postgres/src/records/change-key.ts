import type { TokenCipher } from 'token-store-kit';
import type { Run } from '../connection/database.ts';
import { retry } from '../connection/retry.ts';
import type { Key } from '../options.ts';
import type { Statements } from '../statements.ts';
import { fromStoredName } from '../stored-name.ts';
import { type KeyRing, newCipher } from './key-ring.ts';
import { keyValues, readMeta } from './open-tables.ts';
import type { Context } from './record-table.ts';

/** Encrypts all records with another key, or with none, in one transaction. */
export async function changeKey({ database, statements, ring }: Context, key: Key | undefined): Promise<void> {
  const next = key === undefined ? undefined : newCipher(key);
  const inTransaction = async (run: Run): Promise<void> => {
    await run(statements.lockMeta);
    const current = await readMeta(database, statements, run);
    // Nothing is left to do: an earlier try may have taken place although its answer was lost.
    if (current ? next?.matches(current.salt) : !next) return;
    if (!ring.adopt(current)) throw ring.error('key-changed');
    await sealAll(statements, ring, run, next);
    await run(statements.setKey, keyValues(next?.makeCheck()));
  };
  await retry(() => database.transaction(inTransaction));
  ring.change(key, next);
}

async function sealAll(statements: Statements, ring: KeyRing, run: Run, next: TokenCipher | undefined): Promise<void> {
  for (const row of await run(statements.readAll)) {
    const name = fromStoredName(row.name ?? '');
    const record = ring.open(name, row);
    const columns = next ? [null, Buffer.from(next.seal(name, record))] : [JSON.stringify(record), null];
    await run(statements.sealAgain, [row.name, ...columns]);
  }
}
