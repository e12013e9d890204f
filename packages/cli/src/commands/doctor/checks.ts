import { setTimeout as sleep } from 'node:timers/promises';
import { inspectStore, proxyOf, type StoreInspection } from 'onedrive-token-handler';
import type { PostgresInspection } from 'token-store-postgres';
import { inspectDatabase } from '../../session/database.ts';
import { checkRegistration, commonFailure } from '../../session/registration.ts';
import { findExposure } from '../../session/socket-place.ts';
import { dataFolder } from '../../settings/database-name.ts';
import { storeErrorOf } from '../../settings/describe-error.ts';
import { resolveAddress } from '../../settings/graph-failure.ts';
import { realDatabase } from '../../settings/private-files.ts';
import { quote, type Settings, suggestLogin } from '../../settings/settings.ts';
import { formatDuration } from '../../settings/time.ts';
import { Failure, type Problem } from '../../terminal/failure.ts';

/** Checks one requirement, and changes nothing. */
export interface Check {
  readonly name: string;
  /** If one of these checks has failed, this check is left out. */
  readonly needs?: readonly string[];
  /** Returns the finding without a full stop. Throws a problem with its remedy. */
  run(): Promise<string> | string;
}

/** Thrown by a check that has nothing to check, or cannot find out. That is no problem. The message says why. */
export class DoesNotApply extends Error {}

/** Does the work at the first call. All calls share its result. */
export function lazily<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

type Answer = Awaited<ReturnType<typeof ask>>;

const timeoutMs = 10_000;
/** A machine that synchronizes its clock is closer. The Date header has whole seconds only. */
const toleranceMs = 60_000;

/** Checks authority, clock, client id and Graph. An unknown host or an untrusted certificate is the error of the request. */
export function networkChecks(
  registration: () => Promise<{ authority: string; clientId: string | undefined }>,
  settings: Settings,
  fetch: Fetch,
): readonly Check[] {
  const askAuthority = lazily(async () => {
    const authority = (await registration()).authority.replace(/\/+$/, '');
    return ask(new URL(`${authority}/v2.0/.well-known/openid-configuration`), fetch);
  });
  return [
    {
      name: 'authority',
      async run() {
        const answer = await askAuthority();
        const isRight = answer.status === 200 && answer.body.includes('"token_endpoint"');
        const works = judge(answer, isRight, ['an identity provider', '--authority (or ONEDRIVE_TOKEN_AUTHORITY)']);
        const failure = commonFailure((await registration()).authority, settings);
        if (failure) throw failure;
        return works;
      },
    },
    { name: 'clock', needs: ['authority'], run: async () => judgeClock(await askAuthority()) },
    {
      name: 'client-id',
      needs: ['authority'],
      async run() {
        const { authority, clientId } = await registration();
        if (clientId === undefined) throw new DoesNotApply('none is known yet');
        if (await checkRegistration({ authority, clientId }, (url) => ask(url, fetch)))
          return `the provider knows ${clientId}`;
        throw new DoesNotApply(`${clientId}; only a browser can find out whether this provider knows it`);
      },
    },
    {
      name: 'graph',
      async run() {
        const answer = await ask(resolveAddress(settings.graph, '/me').url, fetch);
        // Without a token, Graph answers 401, in JSON. An HTML page comes from another server.
        const isRight = [200, 401, 403].includes(answer.status) && /^\s*(\{|$)/.test(answer.body);
        return judge(answer, isRight, ['Microsoft Graph', '--graph (or ONEDRIVE_TOKEN_GRAPH)']);
      },
    },
  ];
}

/** Sends one request, and returns what the checks need of its answer. Throws the handler's error if the connection fails. */
async function ask(url: URL, fetch: Fetch) {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { signal, redirect: 'manual' });
    // How far this machine's clock is ahead of the server's. NaN without a Date header.
    const aheadMs = Date.now() - Date.parse(response.headers.get('date') ?? '');
    const location = response.headers.get('location');
    return { url, status: response.status, location, body: await response.text(), aheadMs };
  } catch (error) {
    if (!signal.aborted) throw error;
    const remedy = 'Check the network, HTTPS_PROXY and NO_PROXY, then try again';
    throw new Failure(`${url.host} did not answer within ${timeoutMs / 1000} s`, { remedy, cause: error });
  }
}

/** If the clock is so wrong that every certificate is invalid, the error of the request says so. */
function judgeClock({ url: { host }, aheadMs }: Answer): string {
  if (Number.isNaN(aheadMs)) throw new DoesNotApply(`${host} does not say what time it is`);
  if (Math.abs(aheadMs) <= toleranceMs) return `agrees with ${host} to the minute`;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const by = `${formatDuration(minutes * 60_000)} ${aheadMs > 0 ? 'fast' : 'slow'}`;
  const remedy = 'Set it, for example: timedatectl set-ntp true';
  throw new Failure(`this machine's clock is ${by}, says ${host}`, { remedy });
}

function judge({ url, status }: Answer, isRight: boolean, [what, option]: readonly [string, string]): string {
  const { host } = url;
  if (status >= 500 || status === 429) {
    throw new Failure(`${host} has problems: it answered with status ${status}`, { remedy: 'Run this again later' });
  }
  if (!isRight) {
    const remedy = `Correct ${option}. If this network has a login page, log in there first`;
    throw new Failure(`${host} does not answer like ${what} (status ${status})`, { remedy });
  }
  const proxy = proxyOf(url);
  return `${host} answers${proxy ? ` through the proxy ${proxy.host} (${proxy.variable})` : ''}`;
}

/** A refresh writes the new tokens, and a journal as large as the changed pages. */
const neededBytes = 1_000_000;
/** How long a refresh takes at most. */
const longestHoldMs = 3000;
/** With a longer server_login_retry, a server that restarts in 2 s could be unreachable for the length of a lease. */
const longestLoginRetryMs = 1000;

type Access = NonNullable<StoreInspection['access']>['file'];

/** The checks of a database file. `look` inspects the file; tests replace `look`. */
export function fileChecks(
  settings: Settings,
  look = () => inspectStore({ dbFilepath: settings.db }),
): readonly Check[] {
  const inspect = lazily(look);
  const needs = ['database'];
  return [
    { name: 'database', run: async () => judgeDatabase(await inspect(), settings) },
    { name: 'database-mode', needs, run: async () => judgeAccess(await inspect()) },
    { name: 'file-system', needs, run: async () => judgeFileSystem(await inspect()) },
    { name: 'lock', needs, run: () => judgeLocks(async () => heldInFile(await look())) },
  ];
}

/** The same for PostgreSQL. */
export function postgresChecks(settings: Settings, look = () => inspectDatabase(settings)): readonly Check[] {
  const inspect = lazily(look);
  const lookAtLocks = async (): Promise<readonly Problem[]> => heldInPostgres(await look());
  const describe = ({ serverVersion, hasKey }: PostgresInspection): string =>
    `PostgreSQL ${serverVersion} at ${settings.db}, ${hasKey ? 'encrypted' : 'not encrypted'}`;
  return [
    { name: 'database', run: async () => describe(await inspect()) },
    { name: 'database-rights', needs: ['database'], run: async () => judgeRights(await inspect()) },
    { name: 'pooler', needs: ['database'], run: async () => judgePooler(await inspect()) },
    { name: 'lock', needs: ['database', 'database-rights'], run: () => judgeLocks(lookAtLocks) },
  ];
}

function judgeDatabase({ path, size, error, isEncrypted }: StoreInspection, settings: Settings): string {
  const { db } = settings;
  if (error && storeErrorOf(error)?.reason === 'missing') {
    throw new Failure(`there is no database ${db}`, { remedy: `Run: ${suggestLogin(settings, settings.clientId)}` });
  }
  if (error) throw error;
  const name = path === db ? db : `${db} (a link to ${path})`;
  return `${name}, ${size} bytes, no page is damaged, ${isEncrypted ? 'encrypted' : 'not encrypted'}`;
}

const elsewhere = 'Keep the database in a folder that only you can write (--db)';
/** The overflow user id. In a user namespace, files of users outside it, such as root, have this owner (user_namespaces(7)). */
const unmapped = 65_534;

function judgeAccess({ access }: StoreInspection): string {
  const user = process.getuid?.();
  if (access) {
    const { file, directory } = access;
    // Advise a new mode for the command's own folder only. Another folder, such as /tmp, may need the mode that it has.
    const isOurs = directory.path === realDatabase(dataFolder() ?? '');
    const ofFolder = isOurs ? `Run: chmod u=rwx,go= ${quote(directory.path)}` : elsewhere;
    if (user !== undefined) {
      judgeFile(file, user);
      const exposure = findExposure(directory.path, user, unmapped);
      const isOfFolder = exposure?.includes(` ${directory.path} (mode`);
      if (exposure) throw new Failure(exposure, { remedy: isOfFolder ? ofFolder : elsewhere });
    }
    judgeDenied(file, `Run: chmod u+rw ${quote(file.path)}`);
    judgeDenied(directory, ofFolder);
  }
  if (user === undefined) throw new DoesNotApply('Windows has no file modes: the rights of the folder count');
  return 'only you can read it';
}

function judgeFile({ path, mode, owner }: Access, user: number): void {
  if (owner !== user) {
    const remedy = `Run this as that user. If it is your database, as root: chown ${user} ${quote(path)}`;
    throw new Failure(`${path} belongs to user id ${owner}, and this is user id ${user}`, { remedy });
  }
  if ((mode & 0o077) === 0) return;
  const problem = `other users can read ${path} (mode ${mode.toString(8).padStart(4, '0')})`;
  throw new Failure(problem, { remedy: `Run: chmod go= ${quote(path)}` });
}

function judgeDenied({ path, denied }: Access, remedy: string): void {
  if (denied === undefined) return;
  const mount = 'The file system is read-only: mount it for writing';
  throw new Failure(`${path} cannot be written (${denied})`, { remedy: denied === 'EROFS' ? mount : remedy });
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

/** Other problems of the tables show in the check of the sign-in, which opens them. */
export function judgeRights({ isReadOnly, tables, missingRights }: PostgresInspection): string {
  if (isReadOnly) throw new Failure('this server is read-only', { remedy: 'Name the primary server with --db' });
  if (tables === 'missing' && missingRights.length > 0) {
    throw new Failure(`there are no tables yet, and this user lacks rights: ${missingRights.join(', ')}`, {
      remedy: 'Run login once as the owner of the schema, then GRANT this user its rights on the tables',
    });
  }
  if (missingRights.length > 0) {
    const grants = missingRights.map((right) => `GRANT ${right} TO the user`).join('; ');
    throw new Failure(`this user lacks rights: ${missingRights.join(', ')}`, { remedy: `As the owner: ${grants}` });
  }
  return tables === 'missing'
    ? 'there are no tables yet: the first login makes them'
    : 'this user has every right it needs';
}

export function judgePooler({ pooler }: PostgresInspection): string {
  if (!pooler) throw new DoesNotApply('none: this is a direct connection');
  const { serverLoginRetry } = pooler;
  if (serverLoginRetry === undefined) {
    throw new DoesNotApply(
      'one whose settings this user cannot read; pgbouncer shows them to a user in its stats_users',
    );
  }
  const found = `pgbouncer, with a server_login_retry of ${serverLoginRetry / 1000} s`;
  if (serverLoginRetry <= longestLoginRetryMs) return found;
  throw new Failure(`${found}: after a restart of the server it refuses connections for that long`, {
    remedy: 'Set server_login_retry = 1 in pgbouncer.ini, and RELOAD it',
  });
}

/** Throws if one process holds the same lock in two looks, longer than a refresh takes. Then both have the same text. */
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
