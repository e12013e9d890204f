import { statSync } from 'node:fs';
import { OneDriveTokenError, type RekeyOptions } from 'onedrive-token-handler';
import type { PostgresInspection } from 'token-store-postgres';
import type { Command } from '../settings/command.ts';
import type { DatabaseSettings } from '../settings/database-name.ts';
import { installPostgres } from '../settings/describe-error.ts';
import { exitStatus, Failure, UsageError } from '../terminal/failure.ts';
import { withKey } from './key.ts';

/** The table of the records in PostgreSQL. */
export const postgresTable = 'oauth_token';

export type Database = Awaited<ReturnType<typeof openDatabase>>;

/**
 * Calls `use` with the database of the settings and the key that opens it, and closes it afterwards. With `readOnly`, makes no table, and
 * moves no key into the keyring; without a file, no key is moved either. Throws STORE if the database can't be used.
 */
export function withDatabase<T>(
  command: Command,
  use: (options: RekeyOptions, key: string | Uint8Array | undefined) => Promise<T>,
  access: { readOnly?: boolean } = {},
): Promise<T> {
  const useWith = async (key: string | Uint8Array | undefined): Promise<T> => {
    await using database = await openDatabase(command.settings, key, access);
    // The server may have been slow, and the person may have pressed Ctrl-C meanwhile.
    command.interrupt.signal.throwIfAborted();
    return await use(database.options, key);
  };
  return withKey(command, useWith, { readOnly: access.readOnly || !databaseExists(command.settings) });
}

/** False if there is no such file. True if `stat` fails: opening the file then says why. */
export function databaseExists({ db, postgresUrl }: DatabaseSettings): boolean {
  if (postgresUrl !== undefined) return true;
  try {
    return statSync(db, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/**
 * Returns `options` for the handler. Connects at once if the database is PostgreSQL; a file is opened at its first use. Throws STORE if
 * connecting fails, or if the key is wrong.
 */
export async function openDatabase(
  { db, postgresUrl }: DatabaseSettings,
  encryptionKey: string | Uint8Array | undefined,
  { readOnly = false }: { readOnly?: boolean } = {},
) {
  if (postgresUrl === undefined) {
    const options: RekeyOptions = { dbFilepath: db, encryptionKey };
    return { options, [Symbol.asyncDispose]: async () => {} };
  }
  const options = { connectionString: postgresUrl, table: postgresTable, key: encryptionKey, readOnly };
  const store = await callPostgres(db, ({ openPostgresTokenStore }) => openPostgresTokenStore(options));
  return { options: { store }, [Symbol.asyncDispose]: () => store.close() };
}

/** Looks at a PostgreSQL database, and changes nothing. Throws STORE if it cannot be reached. */
export function inspectDatabase({ db, postgresUrl = '' }: DatabaseSettings): Promise<PostgresInspection> {
  const options = { connectionString: postgresUrl, table: postgresTable };
  return callPostgres(db, ({ inspectPostgresTokenStore: inspect }) => inspect(options));
}

/** Calls the optional peer package, which only a user of PostgreSQL has to install. */
async function callPostgres<T>(
  shown: string,
  call: (postgres: typeof import('token-store-postgres')) => Promise<T>,
): Promise<T> {
  try {
    return await call(await import('token-store-postgres'));
  } catch (error) {
    const { message, reason, code } = error as Error & { reason?: string; code?: string };
    if (code === 'ERR_MODULE_NOT_FOUND') {
      throw new Failure(`--db ${shown} needs token-store-postgres and pg`, {
        status: exitStatus.database,
        remedy: installPostgres,
        cause: error,
      });
    }
    // An error without a STORE code is about an option in the URL.
    if (!code?.startsWith('STORE_')) throw new UsageError(`${shown}: ${message}`, { cause: error });
    const retryable = reason === 'unreachable' || code === 'STORE_BUSY';
    throw new OneDriveTokenError('STORE', message, { cause: error, retryable });
  }
}
