import { userInfo } from 'node:os';
import { readRecord, type SignInStatus, type StoreOptions, statusOfRecord } from 'onedrive-token-handler';
import { type Asked, meantToken, type Settings, suggestCommand, suggestLogin } from '../settings/settings.ts';
import { expiresSoon, formatDuration, localDay } from '../settings/time.ts';
import { exitStatus, Failure, joinProblem, orUsageError, type Problem } from '../terminal/failure.ts';
import { tellErr } from '../terminal/printable.ts';
import { databaseExists } from './database.ts';

export type StoredSignIn = Readonly<Awaited<ReturnType<typeof readStoredSignIn>>>;

/**
 * With `readOnly: false`, first repairs what a killed process left half-written. Otherwise changes no file. Throws STORE, and UsageError
 * for an invalid authority.
 */
export async function readStoredSignIn(
  settings: Settings,
  database: StoreOptions,
  { readOnly = true, asked }: { readOnly?: boolean; asked?: Asked | undefined } = {},
) {
  const record = await readRecord(settings.app, database, { readOnly });
  const meant = meantToken(settings, record, asked);
  return { record, meant, status: orUsageError(() => statusOfRecord(record, meant)) };
}

export function notSignedIn(settings: Settings, { record, meant }: StoredSignIn): Failure {
  const { db, app } = settings;
  const { clientId, authority = 'the default one' } = meant;
  const name = `app name ${JSON.stringify(app)}`;
  const place = `${name} in ${db} (user ${userName()})`;
  if (record && clientId === undefined) {
    const token = `${suggestCommand('token', settings)} --client-id <ID>`;
    return new Failure(`the sign-in of ${place} has no client id: the Python class stored it`, {
      status: exitStatus.usage,
      remedy: `Name the client id that the Python program uses, once. Run: ${token}`,
    });
  }
  let problem = `no sign-in is stored for ${place}`;
  if (record && record.clientId !== undefined && record.clientId !== clientId) {
    problem = `the sign-in of ${place} is of client id ${record.clientId}, not ${clientId}`;
  } else if (record) {
    problem = `the sign-in of ${place} is of authority ${record.authority}, not ${authority}`;
  } else if (!databaseExists(settings)) {
    problem = `there is no database ${db} (${name}, user ${userName()})`;
  }
  const remedy = `Run: ${suggestLogin(settings, clientId)}`;
  return new Failure(problem, { status: exitStatus.signInNeeded, remedy });
}

export function notSignedInAt(socket: string): Failure {
  return new Failure(`the server at ${socket} has no sign-in that works`, {
    status: exitStatus.signInNeeded,
    remedy: 'On the computer that it runs on, run: onedrive-token login',
  });
}

/** The user that this process runs as. A user id without an account has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `id ${process.getuid?.()}`;
  }
}

/** Whether a person has to sign in before there can be a new token, as far as the stored sign-in shows. All commands use this function. */
export function needsSignIn({ signedIn, needsSignIn: hasEnded }: SignInStatus): boolean {
  return !signedIn || hasEnded === true;
}

/** The warning if the sign-in was refused, expires soon, or has expired; else undefined. `problem` continues `the sign-in`. */
export function describeEnd(status: SignInStatus, settings: Settings): Problem | undefined {
  const { renewBy, renewByIsEstimate, refusedAt, refusedBecause } = status;
  const login = `Run: ${suggestCommand('login', settings)}`;
  if (refusedAt !== undefined) {
    const because = refusedBecause ? `: ${refusedBecause}` : '';
    return { problem: `was refused by the provider on ${localDay(refusedAt)}${because}`, remedy: login };
  }
  if (!expiresSoon(renewBy)) return undefined;
  const left = renewBy - Date.now();
  const day = localDay(renewBy);
  const refresh = `run: ${suggestCommand('token --refresh', settings)}`;
  if (left > 0) {
    const remedy = renewByIsEstimate ? `To refresh it now, ${refresh}` : `Sign in before that. ${login}`;
    return { problem: `expires on ${day}, in ${formatDuration(left)}`, remedy };
  }
  if (!renewByIsEstimate) return { problem: `expired on ${day}`, remedy: login };
  return { problem: `may have expired on ${day}, 90 days after its last refresh`, remedy: `To find out, ${refresh}` };
}

export function warnOfEnd(status: SignInStatus, settings: Settings): void {
  const end = describeEnd(status, settings);
  if (end) tellErr(`onedrive-token: the stored sign-in ${joinProblem(end)}\n`);
}
