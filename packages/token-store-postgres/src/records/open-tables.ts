/** This folder has the records: how their tables are made, which key is in use, and how they are read and written. */
import { type KeyCheck, TokenStoreError } from 'token-store-kit';
import type { Database, Run } from '../connection/database.ts';
import { isOwnProcess } from '../connection/pg-client.ts';
import type { Settings } from '../options.ts';
import { findTables, packageName, type Statements, schemaVersion, statementsFor, tableNames } from '../statements.ts';
import { KeyRing } from './key-ring.ts';

export type OpenedTables = Awaited<ReturnType<typeof openTables>>;

/**
 * Finds the tables, or makes them. Any number of hosts may do so at once. `isDirect`: the connection leads to the server itself, and not
 * to a pooler that changes the server process behind it.
 */
export async function openTables(database: Database, settings: Settings) {
  const { table, keys, readOnly } = settings;
  const { state, isDirect } = await database.use(async (run, client) => {
    const [row = {}] = await run(findTables, [settings.schema ?? null, tableNames(table)]);
    return { state: row, isDirect: isOwnProcess(client, row.pid) };
  });
  const { schema } = state;
  if (!schema) {
    const remedy = 'Give the store the option schema';
    const problem = `${database.name} has no schema of the search_path`;
    throw new TokenStoreError('STORE_OPEN', problem, { reason: 'no-schema', remedy });
  }
  const statements = statementsFor(schema, table);
  const ring = new KeyRing(database.name, keys);
  const areMissing = state.found === '0';
  // Hosts that come at the same time wait for each other.
  if (areMissing && !readOnly) {
    const making = database.transaction((run) => makeTables(run, statements), { isPatient: true });
    await making.catch((error: TokenStoreError) => {
      throw error.reason === 'no-permission' ? mayNotMakeError(database, statements, error) : error;
    });
  }
  const check = areMissing && readOnly ? undefined : await readMeta(database, statements);
  const hasNoKeyYet = !check && ring.preferred !== undefined;
  // The key of a host that has only been started may be a mistake: the first record says which key is in use.
  const isOfNoKey = hasNoKeyYet && (areMissing || !(await hasRecords(statements, (text) => database.read(text))));
  if (!isOfNoKey) ring.adopt(check);
  return { statements, ring, isDirect };
}

/** Which key is in use. @throws {TokenStoreError} if the tables are another program's, or of a newer version. */
export async function readMeta(
  database: Database,
  statements: Statements,
  run: Run = (text) => database.read(text),
): Promise<KeyCheck | undefined> {
  const [row] = await run(statements.meta).catch((error: TokenStoreError) => {
    // There is no such table, or one of another program, without these columns.
    const isOfOther = error.code === 'STORE_CORRUPT' || error.reason === 'moved';
    throw isOfOther ? foreignError(database, statements) : error;
  });
  const version = Number(row?.version);
  if (row?.package !== packageName || !Number.isInteger(version) || version < 1)
    throw foreignError(database, statements);
  if (version > schemaVersion) {
    const problem = `${database.name} has tables of a newer version of ${packageName} (schema ${version}, this one knows ${schemaVersion})`;
    throw new TokenStoreError('STORE_VERSION', problem, { remedy: 'Update it' });
  }
  const { salt, verifier } = row;
  if (!salt || !verifier) return undefined;
  return { salt: Buffer.from(salt, 'base64'), verifier: Buffer.from(verifier, 'base64') };
}

async function makeTables(run: Run, statements: Statements): Promise<void> {
  await run(statements.lockCreation);
  const [state] = await run(findTables, [statements.schema, tableNames(statements.table)]);
  if (state?.found !== '0') return;
  if (state.has_schema !== 't') await run(statements.createSchema);
  for (const statement of statements.createTables) await run(statement);
  await run(statements.insertMeta);
}

export async function hasRecords(statements: Statements, run: Run): Promise<boolean> {
  const [row] = await run(statements.hasRecords);
  return row?.any === 't';
}

function mayNotMakeError(database: Database, { schema }: Statements, cause: TokenStoreError): TokenStoreError {
  const problem = `${database.name} has no tables of ${packageName} in the schema ${schema}, and this role may not make them`;
  const remedy = 'Open the store once as the owner of the schema, then GRANT this role what it needs';
  return new TokenStoreError('STORE_READONLY', problem, { reason: 'no-permission', remedy, cause });
}

function foreignError(database: Database, { schema, table }: Statements): TokenStoreError {
  const problem = `${database.name} has tables of another program under the name ${schema}.${table}, and they were left as they are`;
  return new TokenStoreError('STORE_OPEN', problem, { reason: 'foreign', remedy: 'Choose another schema or table' });
}
