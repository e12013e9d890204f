/** This folder has the tables: how they are made, what their columns mean, and what is encrypted in them. */
import { type KeyCheck, TokenStoreError } from 'token-store-kit';
import type { Database, Row, Run } from '../connection/database.ts';
import type { ClientInternals } from '../connection/pg-pool.ts';
import type { Settings } from '../options.ts';
import { KeyRing, newCipher } from './key-ring.ts';
import { quote, type Tables, tablesOf } from './names.ts';
import { nowColumn } from './record-statements.ts';
import { packageName, schemaVersion, tableStatements } from './table-statements.ts';

export interface OpenedTables {
  readonly tables: Tables;
  readonly ring: KeyRing;
  /** Whether the connection leads to the server itself, and not to a pooler that changes the server process behind it. */
  readonly isDirect: boolean;
  /** Only for a store that only reads. */
  readonly areMissing: boolean;
}

/** What the schema has under the names of the tables. */
const inspect = `SELECT target.schema, pg_backend_pid() AS pid, ${nowColumn},
  ARRAY(SELECT relname FROM pg_class WHERE relnamespace = n.oid AND relname = ANY ($2::text[]))::text AS found,
  n.oid IS NOT NULL AS has_schema
FROM (SELECT coalesce($1::text, current_schema()::text) AS schema) AS target
LEFT JOIN pg_namespace AS n ON n.nspname = target.schema`;

/** Finds the tables, or makes them. Any number of hosts may do so at once. */
export async function openTables(database: Database, settings: Settings): Promise<OpenedTables> {
  const { names } = tablesOf('', settings);
  let isDirect = false;
  const [state] = await database.use(async (run, client) => {
    const rows = await run(inspect, [settings.schema ?? null, names]);
    isDirect = rows[0]?.pid === String((client as ClientInternals).processID);
    return rows;
  });
  const schema = state?.schema;
  if (typeof schema !== 'string') {
    const message = `${database.name}: no schema of the search_path exists. Give the store the option schema`;
    throw new TokenStoreError('STORE_OPEN', message, { reason: 'no-schema' });
  }
  const tables = tablesOf(schema, settings);
  const ring = new KeyRing(database.name, settings.keys);
  const found = isNothing(state?.found) ? undefined : await readMeta(database, tables);
  if (settings.readOnly) {
    // Tables without a key and without a record are of no key yet.
    if (found && (found.check || ring.allowsPlain || (await hasRecords(tables, readingOf(database))))) {
      adopt(ring, found.check);
    }
    return { tables, ring, isDirect, areMissing: !found };
  }
  if (!found || (!found.check && ring.preferred !== undefined)) {
    // A passphrase takes a quarter of a second, in which other hosts need not wait for this one's transaction.
    const cipher = ring.preferred === undefined ? undefined : newCipher(ring.preferred);
    const check = await database.transaction((run) => setUp(run, database, tables, cipher?.makeCheck()));
    if (cipher && check && cipher.matches(check.salt)) ring.change(ring.preferred, cipher);
    else adopt(ring, check);
  } else adopt(ring, found.check);
  return { tables, ring, isDirect, areMissing: false };
}

/** @throws {TokenStoreError} STORE_KEY if the keys do not fit. */
function adopt(ring: KeyRing, check: KeyCheck | undefined): void {
  if (!ring.adopt(check)) throw ring.openError(check !== undefined);
}

/** What the database has in use: the salt and the verifier of a key, or undefined. */
export async function readMeta(
  database: Database,
  tables: Tables,
  run: Run = readingOf(database),
): Promise<{ check: KeyCheck | undefined }> {
  let row: Row | undefined;
  try {
    [row] = await run(selectMeta(tables));
  } catch (error) {
    // No such table, or one without these columns.
    const { code, reason } = error as Partial<TokenStoreError>;
    if (code === 'STORE_CORRUPT' || reason === 'moved') throw foreignError(database, tables);
    throw error;
  }
  return { check: checkMeta(database, tables, row) };
}

function readingOf(database: Database): Run {
  return (text, values = []) => database.run(text, values, { repeatable: true });
}

export function selectMeta({ meta }: Tables): string {
  return `SELECT package, version, encode(salt, 'base64') AS salt, encode(verifier, 'base64') AS verifier FROM ${meta}`;
}

/** @throws {TokenStoreError} if the tables are another program's, or of a newer version. */
export function checkMeta(database: Database, tables: Tables, row: Row | undefined): KeyCheck | undefined {
  if (row?.package !== packageName) throw foreignError(database, tables);
  const version = Number(row.version);
  if (!Number.isInteger(version) || version < 1) throw foreignError(database, tables);
  if (version > schemaVersion) {
    const message = `${database.name} has tables of a newer version of ${packageName} (schema ${version}, this one knows ${schemaVersion}). Update it`;
    throw new TokenStoreError('STORE_VERSION', message);
  }
  const { salt, verifier } = row;
  if (!salt || !verifier) return undefined;
  return { salt: Buffer.from(salt, 'base64'), verifier: Buffer.from(verifier, 'base64') };
}

/** Makes what is missing, and puts the key in use if nothing is stored yet. One host at a time gets here. */
async function setUp(
  run: Run,
  database: Database,
  tables: Tables,
  wanted: KeyCheck | undefined,
): Promise<KeyCheck | undefined> {
  await run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${packageName} ${tables.records}`]);
  const [state] = await run(inspect, [tables.schema, tables.names]);
  if (!isNothing(state?.found)) return useKey(run, database, tables, wanted);
  if (!isTrue(state?.has_schema)) await run(`CREATE SCHEMA IF NOT EXISTS ${quote(tables.schema)}`);
  for (const statement of tableStatements(tables)) await run(statement);
  await run(`INSERT INTO ${tables.meta} (package, version, salt, verifier) VALUES ($1, $2, $3, $4)`, [
    packageName,
    schemaVersion,
    toBuffer(wanted?.salt),
    toBuffer(wanted?.verifier),
  ]);
  return wanted;
}

/** A key for tokens that are stored already is more often a mistake than a wish to encrypt them. */
async function useKey(
  run: Run,
  database: Database,
  tables: Tables,
  wanted: KeyCheck | undefined,
): Promise<KeyCheck | undefined> {
  const { check } = await readMeta(database, tables, run);
  if (check || !wanted) return check;
  // Writers hold a share of this lock, so that none of them stores an unencrypted record now.
  await run(`SELECT 1 FROM ${tables.meta} FOR UPDATE`);
  const again = await readMeta(database, tables, run);
  if (again.check || (await hasRecords(tables, run))) return again.check;
  await writeKeyCheck(run, tables, wanted);
  return wanted;
}

async function hasRecords({ records }: Tables, run: Run): Promise<boolean> {
  const [row] = await run(`SELECT EXISTS (SELECT FROM ${records}) AS any`);
  return isTrue(row?.any);
}

/** Call it in a transaction that has locked the row. */
export async function writeKeyCheck(run: Run, { meta }: Tables, check: KeyCheck | undefined): Promise<void> {
  await run(`UPDATE ${meta} SET salt = $1, verifier = $2`, [toBuffer(check?.salt), toBuffer(check?.verifier)]);
}

function toBuffer(bytes: Uint8Array | undefined): Buffer | null {
  return bytes ? Buffer.from(bytes) : null;
}

function foreignError({ name }: Database, { schema, names }: Tables): TokenStoreError {
  const [records = ''] = names;
  const message = `${name} has tables of another program under the name ${schema}.${records}, and they were left as they are. Choose another schema or table`;
  return new TokenStoreError('STORE_OPEN', message, { reason: 'foreign' });
}

/** Whether an array of PostgreSQL, as text, has no elements. */
function isNothing(array: string | null | undefined): boolean {
  return array === '{}';
}

/** A boolean of PostgreSQL, as text. */
export function isTrue(value: string | null | undefined): boolean {
  return value === 't';
}
