// Whose sign-in a command line means, if its options do not say it, and what to tell a person if it is not there.
import { listAppNames, readRecord, type StoreOptions, type TokenRecord } from 'onedrive-token-handler';
import { missingClientId } from '../settings/missing-client-id.ts';
import { explainRemembered, readRememberedApps } from '../settings/private-json.ts';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { readTokenOptions, type SignInChoice, type TokenOptions } from '../settings/token-options.ts';
import { UsageError } from '../terminal/failure.ts';
import { userName } from '../terminal/users.ts';

/** What the database has under the app name that is meant, and the other app names in it. */
export interface StoredSignIns {
  readonly record: TokenRecord | undefined;
  readonly others: readonly string[];
}

export interface ChosenToken {
  readonly options: TokenOptions;
  /** Where the client id was found, if the person may not expect it there. */
  readonly note?: string;
}

const maxNames = 5;

/** Changes nothing about a file. Throws STORE. */
export async function readStoredSignIns(settings: Settings, database: StoreOptions): Promise<StoredSignIns> {
  const record = await readRecord(settings.app, database);
  const others = record ? [] : (await listAppNames(database)).filter((name) => name !== settings.app);
  return { record, others };
}

/**
 * Which token is meant: by the settings and the last sign-in, else by the stored record, else by the one client id that is
 * remembered for another app name. Throws UsageError that says why no client id is known.
 */
export function chooseToken(
  settings: Settings,
  { record }: StoredSignIns,
  choice: SignInChoice | undefined,
): ChosenToken {
  const trouble = settings.postgresUrl === undefined ? explainRemembered(settings.db) : undefined;
  const options = readTokenOptions(settings, choice, record);
  if (options) return { options, ...(trouble && { note: `${trouble}. The client id is that of the stored sign-in.` }) };
  if (record) throw new UsageError(ofPythonClass(settings));
  const others = settings.postgresUrl === undefined ? readRememberedApps(settings.db) : {};
  const ids = new Map(Object.entries(others).map(([app, { clientId }]) => [clientId, app]));
  const [only] = ids;
  if (!only) throw missingClientId(settings, trouble);
  if (ids.size > 1) throw new UsageError(severalClientIds(settings, ids));
  const [clientId, app] = only;
  // The same registration: what it is signed in with there holds here too.
  const { authority = others[app]?.authority } = settings;
  const redirectHost = choice?.redirectHost ?? others[app]?.redirectHost;
  const ofOther = { ...settings, clientId, ...(authority !== undefined && { authority }) };
  const chosen = readTokenOptions(ofOther, { ...choice, redirectHost }) as TokenOptions;
  return { options: chosen, note: `Using the client id of app name ${JSON.stringify(app)}: ${clientId}` };
}

/** Why no token can be had for the app name, without what to run. */
export function describeNotSignedIn(
  settings: Settings,
  { record, others }: StoredSignIns,
  { isThere, clientId, authority }: { isThere: boolean; clientId: string | undefined; authority: string | undefined },
): string {
  const { db, app } = settings;
  const place = `app name ${JSON.stringify(app)} in ${db} (user ${userName()})`;
  if (!record) {
    if (!isThere) return `there is no database ${db} (app name ${JSON.stringify(app)}, user ${userName()}).`;
    const names = others.slice(0, maxNames).map((name) => JSON.stringify(name));
    const more = others.length > maxNames ? ` and ${others.length - maxNames} more` : '';
    return `no sign-in is stored for ${place}.${names.length > 0 ? ` Signed in there: ${names.join(', ')}${more}.` : ''}`;
  }
  if (clientId === undefined) return ofPythonClass(settings);
  if (record.clientId !== undefined && record.clientId !== clientId) {
    return `the sign-in of ${place} is of client id ${record.clientId}, not ${clientId}.`;
  }
  return `the sign-in of ${place} is of authority ${record.authority}, not ${authority ?? 'the default one'}.`;
}

function ofPythonClass(settings: Settings): string {
  const command = `${suggestCommand('token', settings)} --client-id <ID>`;
  return `the sign-in of app name ${JSON.stringify(settings.app)} in ${settings.db} does not say its client id: the Python class has stored it. Name the client id that the Python program uses, once. Run: ${command}`;
}

function severalClientIds(settings: Settings, ids: ReadonlyMap<string, string>): string {
  const lines = [...ids].slice(0, maxNames).map(([id, app]) => `  ${id}  (app name ${JSON.stringify(app)})`);
  return `which client id is meant for app name ${JSON.stringify(settings.app)}? Known are:

${lines.join('\n')}

Name one of them. It is remembered:

  ${suggestCommand('login', settings)} --client-id <ID>`;
}
