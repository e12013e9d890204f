// session/ prepares the handler for one command line: its options, its key, and what a person sees of its events.
import { OneDriveTokenHandler, type OneDriveTokenHandlerOptions, type TokenEvent } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { reportNotStored } from '../settings/describe-error.ts';
import { defaultTimeoutMs } from '../settings/options.ts';
import { type Asked, mayAsk } from '../settings/settings.ts';
import { isError, orUsageError, UsageError } from '../terminal/failure.ts';
import { spareOtherClient } from './choose-sign-ins.ts';
import { type Database, databaseExists, openDatabase, withDatabase } from './database.ts';
import { withKey } from './key.ts';
import { askClientId, askProvider, assertClientId, defaultAuthority, missingClientId } from './registration.ts';
import type { SignInView } from './sign-in-view.ts';
import { needsSignIn, notSignedIn, readStoredSignIn, warnOfEnd } from './stored-sign-in.ts';

/** Most waits are shorter, and need no message. */
const noticeAfterMs = 1000;
const waits: Partial<Record<TokenEvent['type'], string>> = {
  'refresh-started': 'Waiting for the provider to refresh the token',
  waiting: 'Waiting for another process to finish its refresh or sign-in',
};

export interface SessionOptions {
  /** Whether a person may be asked to sign in. */
  interactive: boolean;
  /** What the person has named for a sign-in. */
  asked?: Asked | undefined;
  /** Set if the person signs in, whatever is stored: how. If the address is pasted, `responseMode` is always 'query'. */
  signIn?: Pick<OneDriveTokenHandlerOptions, 'redirectHost' | 'redirectPort' | 'responseMode' | 'signInTimeout'>;
  /** The passphrase of a new database. Default: the key that is set, remembered or asked for. */
  passphrase?: string;
  /** Whether a sign-in may replace that of another client id in PostgreSQL without a question. */
  yes?: boolean | undefined;
  /** What the person sees of a sign-in. Default: a view that fits this terminal. */
  view?: SignInView;
}

/** Where a command gets its tokens: from the handler, or from a socket with the same methods. */
export interface TokenSession extends AsyncDisposable {
  readonly handler: Pick<OneDriveTokenHandler, 'getTokenDetails' | 'status' | 'fetch'>;
  /** The error of the last refresh, if it failed while the old token is still valid. */
  readonly bridged?: Error | undefined;
  /** Why the new tokens are not in the database yet. Closing the session is the last attempt to store them. */
  readonly notStored?: Error | undefined;
}

export interface Session extends TokenSession {
  readonly handler: OneDriveTokenHandler;
  /** Closes the handler. Throws STORE if the new tokens are still not in the database. */
  finish(): Promise<void>;
}

/**
 * Opens the database with its key, then a handler on it. Throws UsageError without a client id, a Failure if a person is needed
 * and may not be asked, and STORE if the database can't be used.
 */
export async function openSession(command: Command, options: SessionOptions): Promise<Session> {
  const { settings } = command;
  let { asked } = options;
  // Find out read-only which token is meant: with --keyring, opening moves the key, and a login makes the tables of PostgreSQL.
  if (settings.keyring || (settings.postgresUrl !== undefined && options.signIn)) {
    const access = { readOnly: true };
    const find = (database: Database['options']) => findToken(command, options, database, access);
    const { clientId } = await withDatabase(command, find, access);
    asked = { ...asked, clientId };
  }
  const openWith = async (key: string | Uint8Array | undefined): Promise<Session> => {
    const database = await openDatabase(settings, key);
    try {
      return await openOn(database, command, { ...options, asked });
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
  };
  return options.passphrase === undefined ? withKey(command, openWith) : openWith(options.passphrase);
}

/** Reads the record, so that a wrong key shows before anything else is done. A person who signs in may be asked for a client id. */
async function findToken(
  command: Command,
  { interactive, asked, signIn }: SessionOptions,
  database: Database['options'],
  access: { readOnly: boolean },
) {
  const { settings } = command;
  const stored = await readStoredSignIn(settings, database, { ...access, asked });
  const { record, meant, status } = stored;
  if (!status.signedIn && !interactive) {
    const missing = notSignedIn(settings, stored);
    // No client id is known. In cron the cause may be a wrong HOME, so the error names the database, and no way to register an app.
    if (meant.clientId === undefined && !databaseExists(settings)) throw new UsageError(missing.problem, missing);
    throw missing;
  }
  // Whether a person has to sign in, and may be asked.
  const asksPerson = signIn !== undefined || (interactive && needsSignIn(status));
  const { clientId, authority = defaultAuthority } = meant;
  if (clientId === undefined) {
    if (record) throw notSignedIn(settings, stored);
    if (!signIn || !mayAsk(settings)) throw missingClientId(settings);
    return { ...stored, asksPerson, clientId: await askClientId(command) };
  }
  // Check the client id before a database is made for it.
  if (asksPerson) assertClientId(clientId, authority);
  return { ...stored, asksPerson, clientId };
}

async function openOn(database: Database, command: Command, options: SessionOptions): Promise<Session> {
  const { settings, screen } = command;
  const { interactive, signIn } = options;
  const found = await findToken(command, options, database.options, { readOnly: false });
  const { meant, clientId, asksPerson } = found;
  if (asksPerson) {
    const stored = found.record?.clientId;
    await spareOtherClient(command, { verb: 'replace', meant: clientId, stored, yes: options.yes });
  }
  const view = options.view ?? (interactive ? new (await import('./sign-in-view.ts')).SignInView(command) : undefined);
  let notice: NodeJS.Timeout | undefined;
  let notStored: Error | undefined;
  let bridged: Error | undefined;
  const onEvent = (event: TokenEvent): void => {
    if (settings.verbose) screen.say(describeEvent(event));
    if (event.type === 'store-failed') notStored = event.error;
    if (event.type === 'store-recovered') notStored = undefined;
    if (event.type === 'refresh-failed' && event.bridged) bridged = event.error;
    if (event.type === 'refreshed' || event.type === 'stored-token') bridged = undefined;
    guardRequest(command, event);
    if (event.type !== 'retry') clearTimeout(notice);
    if (event.type in waits && screen.isTerminal) {
      notice = setTimeout(() => screen.say(`${waits[event.type]}, Ctrl-C cancels`), noticeAfterMs).unref();
    }
    view?.onEvent(event);
  };
  const handler = orUsageError(
    () =>
      new OneDriveTokenHandler({
        ...meant,
        clientId,
        signInTimeout: settings.timeout ?? defaultTimeoutMs,
        interactive,
        ...signIn,
        ...view?.handlerOptions,
        onEvent,
        ...database.options,
      }),
  );
  // A full disk must show before the person signs in.
  if (asksPerson) await handler.ensureWritable();
  if (signIn) {
    const { authority = defaultAuthority } = meant;
    await askProvider(command, { authority, clientId, redirectHost: signIn.redirectHost }, handler);
  }
  return {
    handler,
    get bridged() {
      return bridged;
    },
    get notStored() {
      return notStored;
    },
    async finish() {
      await handler.close();
      const error = notStored;
      notStored = undefined;
      if (error) throw error;
    },
    async [Symbol.asyncDispose]() {
      // After `finish`, status() rejects: a new sign-in needs no warning. A refusal was already reported by the refresh.
      const last = await handler.status().catch(() => undefined);
      if (last && last.refusedAt === undefined) warnOfEnd(last, settings);
      clearTimeout(notice);
      await handler.close();
      await database[Symbol.asyncDispose]();
      if (notStored) reportNotStored(notStored, command);
    },
  };
}

/** Marks a refresh and the exchange of a code as work that no signal may cut off: the sign-in would be lost. */
export function guardRequest(command: Command, { type }: TokenEvent): void {
  const { interrupt } = command;
  if (type === 'refresh-started') interrupt.busyWith = 'finishing the refresh, so that the sign-in is not lost';
  if (type === 'redeeming') interrupt.busyWith = 'completing the sign-in, which cannot be stopped any more';
  // `stored-token` ends a refresh whose result was dropped, because another program had stored a token in the meantime.
  const ends = ['refreshed', 'refresh-failed', 'stored-token', 'signed-in', 'sign-in-failed'];
  if (ends.includes(type)) interrupt.busyWith = undefined;
  if (type === 'signed-in' && interrupt.signal.aborted) command.isSignInKept = true;
}

/** One event as a line of the --verbose log. */
function describeEvent({ type, ...fields }: TokenEvent): string {
  const text = JSON.stringify(fields, (name, value) => {
    if (isError(value)) return value.message;
    // The query of the authorization URL has the state.
    return name === 'url' ? String(value).replace(/\?.*/, '?...') : value;
  });
  return `${type} ${text}`;
}
