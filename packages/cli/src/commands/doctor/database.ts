import { inspectStore, type StoreInspection } from 'onedrive-token-handler';
import type { PostgresInspection } from 'token-store-postgres';
import { inspectDatabase } from '../../session/database.ts';
import { findExposure } from '../../session/socket-place.ts';
import { storeErrorOf } from '../../settings/describe-error.ts';
import { type Settings, suggestLogin } from '../../settings/settings.ts';
import { Failure } from '../../terminal/failure.ts';
import { type Check, once } from './check.ts';

/** A refresh writes a journal as large as the pages that change, and the new tokens. */
const neededBytes = 1_000_000;

type Access = NonNullable<StoreInspection['access']>['file'];

export function fileChecks(settings: Settings): readonly Check[] {
  const inspect = once(() => inspectStore({ dbFilepath: settings.db }));
  const needs = ['database'];
  return [
    { name: 'database', run: async () => judgeDatabase(await inspect(), settings) },
    { name: 'database-mode', needs, run: async () => judgeAccess(await inspect()) },
    { name: 'file-system', needs, run: async () => judgeFileSystem(await inspect()) },
  ];
}

export function postgresChecks(settings: Settings): readonly Check[] {
  const inspect = once(() => inspectDatabase(settings));
  const describe = ({ serverVersion, hasKey }: PostgresInspection): string =>
    `PostgreSQL ${serverVersion} at ${settings.db}, ${hasKey ? 'encrypted' : 'not encrypted'}`;
  return [
    { name: 'database', run: async () => describe(await inspect()) },
    { name: 'database-rights', needs: ['database'], run: async () => judgeRights(await inspect()) },
  ];
}

function judgeDatabase({ path, size, error, isEncrypted }: StoreInspection, settings: Settings): string {
  const { db } = settings;
  if (error && storeErrorOf(error)?.reason === 'missing') {
    throw new Failure(`there is no database ${db}`, { remedy: `Run: ${suggestLogin(settings, settings.clientId)}` });
  }
  if (error) throw error;
  const name = path === db ? db : `${db} (a link to ${path})`;
  return `${name}, ${size} bytes, every page in order, ${isEncrypted ? 'encrypted' : 'not encrypted'}`;
}

function judgeAccess({ access }: StoreInspection): string {
  const user = process.getuid?.();
  const { file, directory } = access ?? {};
  if (file && user !== undefined) judgeOwner(file, user);
  const locked = [file, directory].find((place) => place?.denied !== undefined);
  if (locked) {
    const isReadOnly = locked.denied === 'EROFS';
    const remedy = isReadOnly
      ? 'The file system is read-only: mount it for writing'
      : `Run: chmod u+rwX ${locked.path}`;
    throw new Failure(`${locked.path} cannot be written (${locked.denied})`, { remedy });
  }
  return user === undefined ? 'Windows has no file modes: the rights of the folder count' : 'only you can read it';
}

/** The folder may be any, such as /tmp: others may enter it, if they can't replace the file in it. */
function judgeOwner({ path, mode }: Access, user: number): void {
  const exposure = findExposure(path, user);
  if (exposure) {
    const remedy = 'Keep the database in a folder that only you can write (--db), or run this as that user';
    throw new Failure(exposure, { remedy });
  }
  if ((mode & 0o077) === 0) return;
  const problem = `other users can read ${path} (mode ${mode.toString(8).padStart(4, '0')})`;
  throw new Failure(problem, { remedy: `Run: chmod go= ${path}` });
}

function judgeFileSystem({ fileSystem, path }: StoreInspection): string {
  const { type = 'a disk', isNetwork = false, free = 0 } = fileSystem ?? {};
  if (isNetwork) {
    const remedy = 'Keep the database on a disk of this computer (--db), or in PostgreSQL if many computers need it';
    throw new Failure(`${path} is on a network file system (${type}), whose locks cannot be trusted`, { remedy });
  }
  if (free < neededBytes) {
    throw new Failure(`the disk of ${path} is full (${free} bytes left)`, { remedy: 'Delete or move files' });
  }
  return `${type}, ${Math.floor(free / 1e6)} MB free`;
}

/** What else is wrong with the tables, the check of the sign-in says, which opens them. */
export function judgeRights({ isReadOnly, tables, missingRights }: PostgresInspection): string {
  if (isReadOnly) throw new Failure('this server takes no writes', { remedy: 'Name the primary server with --db' });
  if (missingRights.length > 0) {
    const grants = missingRights.map((right) => `GRANT ${right} TO the user`).join('; ');
    throw new Failure(`this user lacks rights: ${missingRights.join(', ')}`, { remedy: `As the owner: ${grants}` });
  }
  return tables === 'missing' ? 'there are no tables yet: the first login makes them' : 'this user lacks no right';
}
