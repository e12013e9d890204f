/** This folder has the records: how their tables are made, which key is in use, and how they are read and written. */
import { type KeyCheck, TokenStoreError } from 'token-store-kit';
import type { Database, Row, Run } from '../connection/database.ts';
import { deadlineIn } from '../connection/retry.ts';
import { Watcher } from '../lock/watcher.ts';
import type { Settings } from '../options.ts';
import { findTables, packageName, type Statements, schemaVersion, statementsFor, tableNames } from '../statements.ts';
import { KeyRing } from './key-ring.ts';

/** What the parts of a store share. */
export interface Context {
  readonly database: Database;
  readonly statements: Statements;
  readonly ring: KeyRing;
  readonly watcher: Watcher;
}

/** What the server has, and whether the connection leads to it directly: a pooler sends another process id than the server process has. */
export function findState(database: Database, { schema, table }: Settings): Promise<{ state: Row; isDirect: boolean }> {
  return database.use(async (run, client) => {
    const [state = {}] = await run(findTables, [schema ?? null, tableNames(table)]);
    return { state, isDirect: state.pid === String((client as { processID?: unknown }).processID) };
  });
}

/** Finds the tables, or makes them. Any number of hosts may do so at once. */
export async function openTables(database: Database, settings: Settings): Promise<Context> {
  const { table, keys, readOnly } = settings;
  const { state, isDirect } = await findState(database, settings);
  const { schema } = state;
  if (!schema) {
    const remedy = 'Set the option schema';
    const problem = `${database.name} has no schema in its search_path that this role may use`;
    throw new TokenStoreError('STORE_OPEN', problem, { reason: 'no-schema', remedy });
  }
  const statements = statementsFor(schema, table);
  const ring = new KeyRing(database.name, keys);
  const areMissing = state.found === '0';
  // Hosts that make the tables at the same time wait for each other.
  if (areMissing && !readOnly)
    await database.transaction((run) => makeTables(run, statements), { isPatient: true, isUnhurried: true });
  const watcher = new Watcher(database, statements, settings.listen ?? isDirect);
  const context = { database, statements, ring, watcher };
  if (!areMissing || !readOnly) await adoptKey(context);
  return context;
}

/** Which key is in use. @throws {TokenStoreError} if the tables are another program's, or of a newer version. */
export async function readMeta(
  database: Database,
  statements: Statements,
  run: Run = (text) => database.read(text),
): Promise<KeyCheck | undefined> {
  const [row] = await run(statements.meta).catch((error: TokenStoreError) => {
    // The table is missing, or it is another program's and lacks these columns.
    const isOfOther = error.code === 'STORE_CORRUPT' || error.reason === 'moved';
    throw isOfOther ? foreignError(database, statements) : error;
  });
  if (row?.package !== packageName) throw foreignError(database, statements);
  if (Number(row.version) > schemaVersion) {
    const problem = `${database.name} has tables of a newer version of ${packageName} (schema ${row.version}, this one knows ${schemaVersion})`;
    throw new TokenStoreError('STORE_VERSION', problem, { remedy: `Update ${packageName}` });
  }
  const { salt, verifier } = row;
  if (!salt || !verifier) return undefined;
  return { salt: Buffer.from(salt, 'base64'), verifier: Buffer.from(verifier, 'base64') };
}

/**
 * Uses the key from now on that the database says is in use. The key of a host that has only been started may be a mistake. So without a
 * key or a record there, the first write decides. @throws {TokenStoreError} STORE_KEY if this store lacks the key.
 */
export async function adoptKey({ database, statements, ring }: Context, deadline = deadlineIn()): Promise<void> {
  const run: Run = (text) => database.read(text, undefined, { deadline });
  const check = await readMeta(database, statements, run);
  const mayDecide = !check && !ring.isDecided && ring.preferred !== undefined;
  if (!mayDecide || (await run(statements.list)).length > 0) ring.adopt(check);
}

async function makeTables(run: Run, statements: Statements): Promise<void> {
  await run(statements.lockCreation);
  const [state] = await run(findTables, [statements.schema, tableNames(statements.table)]);
  if (state?.found !== '0') return;
  if (state.has_schema !== 't') await run(statements.createSchema);
  for (const statement of statements.createTables) await run(statement);
  await run(statements.insertMeta);
}

function foreignError(database: Database, { schema, table }: Statements): TokenStoreError {
  const problem = `${database.name} has tables of another program under the name ${schema}.${table}, and they were left as they are`;
  return new TokenStoreError('STORE_OPEN', problem, { reason: 'foreign', remedy: 'Choose another schema or table' });
}
