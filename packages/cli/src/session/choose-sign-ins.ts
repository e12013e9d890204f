import { listAppNames, type OneDriveTokenError, type RekeyOptions, readRecord } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { storeErrorOf } from '../settings/describe-error.ts';
import type { OptionDefinitions, OptionValues } from '../settings/options.ts';
import { mayAsk } from '../settings/settings.ts';
import { Failure, UsageError } from '../terminal/failure.ts';
import { postgresTable } from './database.ts';

/** Options of a command that may change sign-ins of other people. */
export const sharedTableOptions = {
  allClients: { flags: '--all-clients', description: 'on PostgreSQL: also the sign-ins of other client ids' },
  yes: { flags: '--yes', description: 'on PostgreSQL: do not ask' },
} as const satisfies OptionDefinitions;

type Shared = OptionValues<typeof sharedTableOptions>;

/**
 * Returns the app names whose sign-ins the command will change. In a file, which belongs to one person: all. In PostgreSQL: those of the
 * client id that is meant, and only if a person types the name of the table, or with `yes`. Throws UsageError otherwise. `verb`: what the
 * command does with the sign-ins, for example `sign out`. `isOfWholeTable`: the command cannot leave out a sign-in.
 */
export async function chooseSignIns(
  command: Command,
  database: RekeyOptions,
  { verb, isOfWholeTable, allClients, yes }: Shared & { readonly verb: string; readonly isOfWholeTable?: boolean },
): Promise<readonly string[]> {
  const { settings } = command;
  const names = await listAppNames(database);
  if (settings.postgresUrl === undefined) return names;
  const clientIds = new Map<string, string | undefined>();
  for (const name of names) clientIds.set(name, await readClientId(name, database));
  const all = new Set(clientIds.values());
  const meant = settings.clientId ?? clientIds.get(settings.app) ?? (all.size === 1 ? [...all][0] : undefined);
  const chosen = names.filter((name) => allClients || (meant !== undefined && clientIds.get(name) === meant));
  const found = `table ${postgresTable} of ${settings.db} has ${count(names.length, 'sign-in')} of ${count(all.size, 'client id')}`;
  if (chosen.length < names.length && (isOfWholeTable || meant === undefined)) {
    const remedy = isOfWholeTable ? `To ${verb} all of them, add` : 'Name one with --client-id, or add';
    throw new UsageError(found, { remedy: `${remedy} --all-clients` });
  }
  if (chosen.length === 0) return chosen;
  const which =
    chosen.length === names.length ? 'all of them' : `${chosen.length} of them, those of client id ${meant}`;
  await confirm(command, `${found}. This will ${verb} ${which}`, { yes, word: postgresTable, what: 'the table' });
  return chosen;
}

/**
 * PostgreSQL is shared, so the sign-in under the app name may have another client id than `meant`. Then a person has to type the app
 * name, or give --yes. Throws UsageError otherwise. `verb`: what the command does with the sign-in, for example `delete`.
 */
export async function spareOtherClient(
  command: Command,
  { verb, meant, stored, yes }: Shared & { verb: string; meant: string | undefined; stored: string | undefined },
): Promise<void> {
  const { app, db, postgresUrl } = command.settings;
  if (postgresUrl === undefined || meant === undefined || stored === undefined || meant === stored) return;
  const plan = `sign-in of app name ${JSON.stringify(app)} in ${db} is of client id ${stored}, not ${meant}. This will ${verb} it`;
  await confirm(command, plan, { yes, word: app, what: 'the app' });
}

async function confirm(
  { settings, screen, interrupt }: Command,
  plan: string,
  { yes, word, what }: { yes: boolean | undefined; word: string; what: string },
): Promise<void> {
  if (!yes && !mayAsk(settings)) throw new UsageError(plan, { remedy: 'To go on, add --yes' });
  screen.say(`The ${plan}.`);
  if (yes) return;
  const typed = await screen.ask(`To go on, type the name of ${what}: `, interrupt).catch((error) => {
    if (error instanceof Failure) return '';
    throw error;
  });
  if (typed.trim() !== word) throw new UsageError(`that is not the name of ${what}, and nothing was changed`);
}

/** The client id of this app name. undefined also if another program has damaged the record: then it can only be deleted. */
export async function readClientId(name: string, database: RekeyOptions): Promise<string | undefined> {
  try {
    return (await readRecord(name, database))?.clientId;
  } catch (error) {
    if (storeErrorOf(error as OneDriveTokenError)?.reason !== 'record-changed') throw error;
    return undefined;
  }
}

function count(items: number, what: string): string {
  return `${items} ${what}${items === 1 ? '' : 's'}`;
}
