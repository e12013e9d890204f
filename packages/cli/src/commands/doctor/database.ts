import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectStore, type StoreInspection } from 'onedrive-token-handler';
import type { PostgresInspection } from 'token-store-postgres';
import { inspectDatabase, postgresTable } from '../../session/database.ts';
import { othersMayReplace } from '../../session/socket-place.ts';
import { userName } from '../../session/stored-sign-in.ts';
import { dataFolder } from '../../settings/database-name.ts';
import { storeErrorOf } from '../../settings/describe-error.ts';
import { realDatabase } from '../../settings/private-files.ts';
import type { Settings } from '../../settings/settings.ts';
import { suggestLogin } from '../../settings/suggest-command.ts';
import { Failure, type Problem } from '../../terminal/failure.ts';
import { type Check, DoesNotApply, once } from './check.ts';

/** A refresh writes a journal as large as the pages that change, and the new tokens. */
const neededBytes = 1_000_000;
/** How long a refresh takes at most. */
const longestHoldMs = 3000;
/** A server that restarts in 2 s must not be away for as long as a lease. */
const longestLoginRetryMs = 1000;

type Access = NonNullable<StoreInspection['access']>['file'];

export function fileChecks(settings: Settings): readonly Check[] {
  const look = (): Promise<StoreInspection> => inspectStore({ dbFilepath: settings.db });
  const inspect = once(look);
  const needs = ['database'];
  return [
    { name: 'database', run: async () => judgeDatabase(await inspect(), settings) },
    { name: 'database-mode', needs, run: async () => judgeAccess(await inspect()) },
    { name: 'file-system', needs, run: async () => judgeFileSystem(await inspect()) },
    { name: 'lock', needs, run: () => judgeLocks(async () => heldInFile(await look())) },
  ];
}

export function postgresChecks(settings: Settings): readonly Check[] {
  const inspect = once(() => inspectDatabase(settings));
  const look = async (): Promise<readonly Problem[]> => heldInPostgres(await inspectDatabase(settings));
  const describe = ({ serverVersion, hasKey }: PostgresInspection): string =>
    `PostgreSQL ${serverVersion} at ${settings.db}, ${hasKey ? 'encrypted' : 'not encrypted'}`;
  return [
    { name: 'database', run: async () => describe(await inspect()) },
    { name: 'database-rights', needs: ['database'], run: async () => judgeRights(await inspect()) },
    { name: 'pooler', needs: ['database'], run: async () => judgePooler(await inspect()) },
    { name: 'lock', needs: ['database', 'database-rights'], run: () => judgeLocks(look) },
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
  if (access) {
    judgeFile(access.file, user);
    judgeFolder(access.directory, user);
  }
  if (user === undefined) throw new DoesNotApply('Windows has no file modes: the rights of the folder count');
  return `only user ${userName()} can read it`;
}

/** `user`: undefined on Windows, where mode and owner say nothing. */
function judgeFile(file: Access, user: number | undefined): void {
  const { path, mode, owner } = file;
  if (user !== undefined && owner !== user) {
    const remedy = `Run this as that user. If it is your database, as root: chown ${userName()} ${path}`;
    throw new Failure(`${path} belongs to user id ${owner}, and this is ${userName()} (user id ${user})`, { remedy });
  }
  if (user !== undefined && (mode & 0o077) !== 0) {
    throw new Failure(`other users can read ${path} (${formatMode(mode)})`, { remedy: `Run: chmod go= ${path}` });
  }
  judgeDenied(file, `Run: chmod u+rw ${path}`);
}

/** It may be any folder, such as /tmp: others may enter it, if they can't replace the file in it. */
function judgeFolder(folder: Access, user: number | undefined): void {
  const { path, mode, owner } = folder;
  const isOurs = path === realDatabase(dataFolder() ?? '');
  const remedy = isOurs
    ? `Run: chmod u=rwx,go= ${path}`
    : 'Keep the database in a folder that only you can write (--db)';
  if (user !== undefined && (othersMayReplace(statSync(path)) || ![user, 0].includes(owner))) {
    const problem = `other users can replace files in ${path} (${formatMode(mode)}, user id ${owner})`;
    throw new Failure(problem, { remedy });
  }
  judgeDenied(folder, remedy);
}

function judgeDenied({ path, denied }: Access, remedy: string): void {
  if (denied === undefined) return;
  const mount = 'The file system is read-only: mount it for writing';
  throw new Failure(`${path} cannot be written (${denied})`, { remedy: denied === 'EROFS' ? mount : remedy });
}

function formatMode(mode: number): string {
  return `mode ${mode.toString(8).padStart(4, '0')}`;
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

export function judgeRights({ isReadOnly, tables, missingRights }: PostgresInspection): string {
  if (isReadOnly) throw new Failure('this server takes no writes', { remedy: 'Name the primary server with --db' });
  if (tables === 'missing' && missingRights.length > 0) {
    throw new Failure(`there are no tables yet, and this user lacks rights: ${missingRights.join(', ')}`, {
      remedy: 'Run login once as the owner of the schema, then GRANT this user its rights on the tables',
    });
  }
  if (missingRights.length > 0) {
    const grants = missingRights.map((right) => `GRANT ${right} TO the user`).join('; ');
    const remedy = `As the owner of the tables: ${grants}`;
    throw new Failure(`this user lacks rights: ${missingRights.join(', ')}`, { remedy });
  }
  if (tables === 'foreign') {
    const problem = `another program has tables with the name ${postgresTable}`;
    throw new Failure(problem, { remedy: 'Name another database with --db' });
  }
  if (tables === 'newer') {
    const remedy = 'Run: npm install --global token-store-postgres';
    throw new Failure('the tables are of a newer version of token-store-postgres', { remedy });
  }
  return tables === 'ours'
    ? 'this user may read and write the tables'
    : 'there are no tables yet: the first login makes them';
}

export function judgePooler({ pooler }: PostgresInspection): string {
  if (!pooler) throw new DoesNotApply('none: this leads to the server itself');
  const { serverLoginRetry } = pooler;
  if (serverLoginRetry === undefined) {
    throw new DoesNotApply('one that tells this user nothing; pgbouncer tells a user in its stats_users');
  }
  const found = `pgbouncer, with a server_login_retry of ${serverLoginRetry / 1000} s`;
  if (serverLoginRetry <= longestLoginRetryMs) return found;
  throw new Failure(`${found}: after a restart of the server it refuses connections for that long`, {
    remedy: 'Set server_login_retry = 1 in pgbouncer.ini, and RELOAD it',
  });
}

/** Throws a lock that is held for longer than a refresh takes: of two looks, the same lock of the same process has the same words. */
async function judgeLocks(look: () => Promise<readonly Problem[]>): Promise<string> {
  const first = await look();
  if (first.length === 0) return 'no process holds one';
  await sleep(longestHoldMs);
  const later = await look();
  const kept = first.find(({ problem }) => later.some((held) => held.problem === problem));
  if (!kept) return 'no process holds one for long';
  throw new Failure(kept.problem, kept);
}

function heldInFile({ locks }: StoreInspection): readonly Problem[] {
  return locks.map(({ kind, name, pid, program = 'of another namespace', isStopped }) => {
    const what = kind === 'database' ? 'the database' : describeLock(name);
    return {
      problem: `process ${pid} (${program}${isStopped ? ', stopped' : ''}) holds the lock of ${what}`,
      remedy: isStopped
        ? `Let it go on: kill -CONT ${pid}. Or end it: kill -KILL ${pid}`
        : `Wait until it is done, or finish its sign-in. If it hangs, end it: kill ${pid}`,
    };
  });
}

export function heldInPostgres({ locks }: PostgresInspection): readonly Problem[] {
  return locks.map(({ name, holder }) => ({
    problem: `${holder} holds the lock of ${describeLock(name)}`,
    remedy: 'Wait until it is done, or finish its sign-in. If it hangs, end that process',
  }));
}

/** What a lock of that name is for. */
function describeLock(name: string | undefined): string {
  const [signIn, app] = name?.split('\u001f') ?? [];
  if (signIn === 'sign-in' && app !== undefined) return `a sign-in of ${app}`;
  return `a refresh of ${name ?? 'an app name'}`;
}
