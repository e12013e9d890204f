import type { TokenCipher } from 'token-store-kit';
import type { Database, Run } from '../connection/database.ts';
import type { Key } from '../options.ts';
import { type KeyRing, newCipher } from './key-ring.ts';
import { fromStoredName, type Tables, toJson } from './names.ts';
import { checkMeta, selectMeta, writeKeyCheck } from './open-tables.ts';
import type { RecordReader } from './record-reader.ts';
import { runOrRecover } from './recover.ts';

/** Records that are encrypted again by one statement. */
const batchSize = 500;

export interface KeyContext {
  readonly database: Database;
  readonly tables: Tables;
  readonly ring: KeyRing;
  readonly reader: RecordReader;
}

/** Encrypts all records with another key, or with none, in one transaction. */
export async function changeKey(context: KeyContext, key: Key | undefined): Promise<void> {
  const next = key === undefined ? undefined : newCipher(key);
  await runOrRecover(() => context.database.transaction((run) => sealAgain(context, run, next)));
  context.ring.change(key, next);
}

async function sealAgain(context: KeyContext, run: Run, next: TokenCipher | undefined): Promise<void> {
  const { database, tables, ring, reader } = context;
  // No writer holds a share of this lock any more: what it wrote is seen by the statements below.
  const [meta] = await run(`${selectMeta(tables)} FOR UPDATE`);
  const current = checkMeta(database, tables, meta);
  // Nothing is left to do: an earlier try may have taken place although its answer was lost.
  if (current ? next?.matches(current.salt) : !next) return;
  if (!ring.adopt(current)) throw ring.changedError();
  const { records } = tables;
  const rows = await run(
    `SELECT name, full_name, record::text AS record, encode(sealed, 'base64') AS sealed FROM ${records}`,
  );
  for (let start = 0; start < rows.length; start += batchSize) {
    const batch = rows.slice(start, start + batchSize).map((row) => {
      const name = fromStoredName(row.full_name ?? row.name ?? '');
      const sealed = next?.seal(name, reader.open(name, row));
      return { key: row.name, record: sealed ? null : toJson(reader.open(name, row)), sealed };
    });
    await run(
      `UPDATE ${records} AS t SET record = n.record::json, sealed = decode(n.sealed, 'base64')
FROM unnest($1::text[], $2::text[], $3::text[]) AS n (name, record, sealed) WHERE t.name = n.name`,
      [
        batch.map(({ key }) => key),
        batch.map(({ record }) => record),
        batch.map(({ sealed }) => (sealed ? Buffer.from(sealed).toString('base64') : null)),
      ],
    );
  }
  await writeKeyCheck(run, tables, next?.makeCheck());
}
