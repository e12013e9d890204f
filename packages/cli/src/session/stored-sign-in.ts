import { readRecord, type StoreOptions, statusOfRecord } from 'onedrive-token-handler';
import { type Asked, meantToken } from '../settings/meant-token.ts';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand, suggestLogin } from '../settings/suggest-command.ts';
import { exitStatus, Failure, orUsageError } from '../terminal/failure.ts';
import { databaseExists } from './database.ts';

/** What the database has under the app name that is meant, and what that means for this command line. */
export type StoredSignIn = Readonly<Awaited<ReturnType<typeof readStoredSignIn>>>;

/**
 * With `readOnly: false`, undoes what a killed process has left half written; else changes nothing about a file. Throws STORE, and
 * UsageError for an authority that cannot be used.
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

/** Why no token can be had without a person: nothing is stored for the app name, or another one's sign-in. */
export function notSignedIn(settings: Settings, { record, meant }: StoredSignIn): Failure {
  const { db, app } = settings;
  const { clientId, authority = 'the default one' } = meant;
  const place = `app name ${JSON.stringify(app)} in ${db}`;
  if (record && clientId === undefined) {
    const token = `${suggestCommand('token', settings)} --client-id <ID>`;
    return new Failure(`the sign-in of ${place} does not say its client id: the Python class has stored it`, {
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
    problem = `there is no database ${db} (app name ${JSON.stringify(app)})`;
  }
  const remedy = `Run: ${suggestLogin(settings, clientId)}`;
  return new Failure(problem, { status: exitStatus.signInNeeded, remedy });
}
