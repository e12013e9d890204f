import { listAppNames, readRecord, type StoreOptions, type TokenRecord } from 'onedrive-token-handler';
import { meantToken } from '../settings/meant-token.ts';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { exitStatus, Failure } from '../terminal/failure.ts';
import { userName } from '../terminal/users.ts';
import { databaseExists } from './database.ts';

/** What the database has under the app name that is meant. */
export interface StoredSignIn {
  readonly record: TokenRecord | undefined;
  /** The other app names in it, if it has none of this name. */
  readonly others: readonly string[];
}

const maxNames = 5;

/** With `readOnly`, changes nothing about a file; else undoes what a killed process has left half written. Throws STORE. */
export async function readStoredSignIn(
  { app }: Settings,
  database: StoreOptions,
  access: { readOnly: boolean } = { readOnly: true },
): Promise<StoredSignIn> {
  const record = await readRecord(app, database, access);
  const others = record ? [] : (await listAppNames(database)).filter((name) => name !== app);
  return { record, others };
}

/** Why no token can be had without a person: nothing is stored for the app name, or another one's sign-in. */
export function notSignedIn(settings: Settings, { record, others }: StoredSignIn): Failure {
  const { db, app } = settings;
  const { clientId, authority = 'the default one' } = meantToken(settings, record);
  if (record && clientId === undefined) return clientIdUnknown(settings);
  const name = `app name ${JSON.stringify(app)}`;
  const place = `${name} in ${db} (user ${userName()})`;
  let problem: string;
  if (record && record.clientId !== undefined && record.clientId !== clientId) {
    problem = `the sign-in of ${place} is of client id ${record.clientId}, not ${clientId}`;
  } else if (record) {
    problem = `the sign-in of ${place} is of authority ${record.authority}, not ${authority}`;
  } else if (databaseExists(settings)) {
    const names = others.slice(0, maxNames).map((other) => JSON.stringify(other));
    const more = others.length > maxNames ? ` and ${others.length - maxNames} more` : '';
    const there = names.length > 0 ? `. Signed in there: ${names.join(', ')}${more}` : '';
    problem = `no sign-in is stored for ${place}${there}`;
  } else {
    problem = `there is no database ${db} (${name}, user ${userName()})`;
  }
  const remedy = `Run: ${suggestCommand('login', settings)}${clientId === undefined ? ' --client-id ID' : ''}`;
  return new Failure(problem, { status: exitStatus.signInNeeded, remedy });
}

/** A record of the Python class does not say its client id. */
export function clientIdUnknown(settings: Settings): Failure {
  const { app, db } = settings;
  const problem = `the sign-in of app name ${JSON.stringify(app)} in ${db} does not say its client id: the Python class has stored it`;
  const token = `${suggestCommand('token', settings)} --client-id <ID>`;
  return new Failure(problem, {
    status: exitStatus.usage,
    remedy: `Name the client id that the Python program uses, once. Run: ${token}`,
  });
}
