// session/ is the handler of one command line: its options, its key, and what a person sees of its events.
import {
  OneDriveTokenError,
  OneDriveTokenHandler,
  type OneDriveTokenHandlerOptions,
  readRecord,
  type TokenEvent,
} from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { defaultTimeoutMs } from '../settings/options.ts';
import { rememberApp } from '../settings/private-json.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { readTokenOptions, type SignInChoice, type TokenOptions } from '../settings/token-options.ts';
import { exitStatus, Failure, orUsageError } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { type Database, databaseExists, openDatabase, withDatabase } from './database.ts';
import { describeEvent } from './describe-event.ts';
import { RefreshNotice } from './refresh-notice.ts';
import type { SignInView } from './sign-in-view.ts';
import { chooseToken, describeNotSignedIn, readStoredSignIns } from './stored-sign-ins.ts';
import { warnIfExpiring } from './warn-if-expiring.ts';
import { withKey } from './with-key.ts';

export interface SessionOptions {
  /** Whether a person may be asked to sign in. */
  interactive: boolean;
  /** What the command line says about a sign-in. Default: as the last one was. */
  choice?: SignInChoice;
  /** Where the browser's answer is awaited. Default: a free port. */
  redirectPort?: number | undefined;
  /** Encrypts a new database. Default: the key that is set, remembered or asked for. */
  passphrase?: string;
  /** Default: the handler's. If a code is to be pasted, it is 'query' in any case. */
  responseMode?: 'form_post' | 'query';
  /** The person signs in, whatever is stored. Default false. */
  signsIn?: boolean;
  /** How long a sign-in waits for the person, in milliseconds. Default: as --timeout says. */
  signInTimeout?: number | undefined;
  /** What the person sees of a sign-in. Default: what fits the place where this command runs. */
  view?: SignInView;
}

export interface Session extends AsyncDisposable {
  readonly handler: OneDriveTokenHandler;
  /** Why a token that should have been refreshed was not: it is still valid. */
  readonly bridged: Error | undefined;
  /** Closes the handler. Throws STORE if the new tokens are still not in the database. */
  finish(): Promise<void>;
}

/** Throws UsageError without a client id, and STORE if the database can't be used. */
export async function openSession(command: Command, options: SessionOptions): Promise<Session> {
  const { settings } = command;
  const view = options.view ?? (options.interactive ? await createView(command) : undefined);
  const notice = new RefreshNotice(command.screen);
  let notStored: Error | undefined;
  let bridged: Error | undefined;
  const handlerOptions = {
    signInTimeout: options.signInTimeout ?? settings.timeout ?? defaultTimeoutMs,
    interactive: options.interactive,
    ...(options.redirectPort !== undefined && { redirectPort: options.redirectPort }),
    ...(options.responseMode && { responseMode: options.responseMode }),
    ...view?.handlerOptions,
  };
  const { database, handler } = await open(command, options, (tokenOptions) => ({
    ...tokenOptions,
    ...handlerOptions,
    onEvent: (event) => {
      if (settings.verbose) command.screen.say(printable(describeEvent(event)));
      if (event.type === 'signed-in') remember(command, tokenOptions, event.scopes);
      if (event.type === 'store-failed') notStored = event.error;
      if (event.type === 'store-recovered') notStored = undefined;
      if (event.type === 'refresh-failed' && event.bridged) bridged = event.error;
      guardRequest(command, event);
      notice.onEvent(event);
      view?.onEvent(event);
    },
  }));
  return {
    handler,
    get bridged() {
      return bridged;
    },
    async finish() {
      await handler.close();
      const error = notStored;
      notStored = undefined;
      if (error) throw error;
    },
    async [Symbol.asyncDispose]() {
      view?.[Symbol.dispose]();
      notice[Symbol.dispose]();
      // Nothing to warn of if it is closed already: a sign-in was made.
      await warnIfExpiring(await handler.status().catch(() => undefined), settings);
      await handler.close();
      await database[Symbol.asyncDispose]();
      if (notStored) (await import('../settings/report-error.ts')).reportNotStored(notStored, command);
    },
  };
}

interface Opened {
  readonly database: Database;
  readonly handler: OneDriveTokenHandler;
}

/** Opens the database with its key, then a handler on it. */
async function open(
  command: Command,
  { interactive, choice, passphrase, signsIn = false }: SessionOptions,
  toHandlerOptions: (tokenOptions: TokenOptions) => OneDriveTokenHandlerOptions,
): Promise<Opened> {
  const { settings } = command;
  const ofFile = settings.postgresUrl === undefined ? await chooseOfFile(command, choice) : undefined;
  command.explain = (error) => explainNotSignedIn(command, ofFile, error);
  // Without a person nothing can be stored there, so no file is made.
  if (ofFile && !interactive && !databaseExists(settings)) {
    await createHandler(toHandlerOptions(ofFile)).close();
    throw await notSignedIn(command, ofFile);
  }
  const openWith = async (key: string | Uint8Array | undefined): Promise<Opened> => {
    const database = await openDatabase(settings, key);
    try {
      const tokenOptions = ofFile ?? (await chooseOfServer(command, choice, database));
      const handlerOptions = { ...toHandlerOptions(tokenOptions), ...database.options };
      return { database, handler: await openHandler(handlerOptions, signsIn) };
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
  };
  return passphrase === undefined ? withKey(command, openWith) : openWith(passphrase);
}

/** Throws UsageError without a client id. Then nothing was done to the file: no key was moved into the keyring. */
async function chooseOfFile(command: Command, choice: SignInChoice | undefined): Promise<TokenOptions> {
  const { settings, screen } = command;
  const known = readTokenOptions(settings, choice);
  if (known) return known;
  const read = (database: Database['options']) => readStoredSignIns(settings, database);
  const stored = await withDatabase(command, read, { readOnly: true });
  const { options, note } = chooseToken(settings, stored, choice);
  if (note !== undefined) screen.say(printable(note));
  // The next command finds it without a look into the database.
  if (stored.record?.clientId === options.clientId) {
    tryToRemember(command, options, stored.record.scope?.split(' ').filter(Boolean) ?? []);
  }
  return options;
}

/** With PostgreSQL, the record tells client id and authority of its sign-in. */
async function chooseOfServer(
  { settings }: Command,
  choice: SignInChoice | undefined,
  { options }: Database,
): Promise<TokenOptions> {
  const record = await readRecord(settings.app, options);
  return chooseToken(settings, { record, others: [] }, choice).options;
}

/** Names database, app name, user and what else is stored, if nothing is stored for this app name. */
async function explainNotSignedIn(
  command: Command,
  chosen: TokenOptions | undefined,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof OneDriveTokenError) || error.reason !== 'not-signed-in') return error;
  return notSignedIn(command, chosen).catch(() => error);
}

async function notSignedIn(command: Command, chosen: TokenOptions | undefined): Promise<Failure> {
  const { settings } = command;
  const isThere = databaseExists(settings);
  const read = (database: Database['options']) => readStoredSignIns(settings, database);
  const stored = await withDatabase(command, read, { readOnly: true });
  const { clientId, authority } = chosen ?? readTokenOptions(settings, undefined, stored.record) ?? {};
  const reason = describeNotSignedIn(settings, stored, { isThere, clientId, authority });
  return new Failure(`${reason} Run: ${suggestCommand('login', settings)}`, exitStatus.signInNeeded);
}

/** Opens the database at once, so that a wrong key shows before anything else is done. */
async function openHandler(options: OneDriveTokenHandlerOptions, signsIn: boolean): Promise<OneDriveTokenHandler> {
  const handler = createHandler(options);
  try {
    const { signedIn, refusedAt } = await handler.status();
    const asks = signsIn || (options.interactive && (!signedIn || refusedAt !== undefined));
    // A full disk must show before the person signs in.
    if (asks) await handler.ensureWritable();
    return handler;
  } catch (error) {
    await handler.close();
    throw error;
  }
}

/** Throws UsageError if an option can't be used: the handler's message names it. */
function createHandler(options: OneDriveTokenHandlerOptions): OneDriveTokenHandler {
  return orUsageError(() => new OneDriveTokenHandler(options));
}

async function createView(command: Command): Promise<SignInView> {
  const { SignInView } = await import('./sign-in-view.ts');
  return new SignInView(command);
}

/** With PostgreSQL, the record itself has all that later commands need. */
function remember(command: Command, signedInWith: TokenOptions, scopes: string[]): void {
  if (command.settings.postgresUrl !== undefined) return;
  const error = tryToRemember(command, signedInWith, scopes);
  if (error) command.screen.say(`The client id could not be remembered: ${error.message}`);
}

function tryToRemember({ settings }: Command, signedInWith: TokenOptions, scopes: string[]): Error | undefined {
  const { clientId, authority, redirectHost, loginHint } = signedInWith;
  try {
    rememberApp(settings.db, settings.app, { clientId, scopes, authority, redirectHost, loginHint });
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** While a refresh or the exchange of a code is under way, a signal must not cut it off: the sign-in would be lost. */
function guardRequest(command: Command, { type }: TokenEvent): void {
  const { interrupt } = command;
  if (type === 'refresh-started') interrupt.busyWith = 'finishing the refresh, so that the sign-in is not lost';
  if (type === 'redeeming') interrupt.busyWith = 'completing the sign-in, which cannot be stopped any more';
  // `stored-token` ends a refresh whose result was dropped, because another program had stored a token in the meantime.
  const ends = ['refreshed', 'refresh-failed', 'stored-token', 'signed-in', 'sign-in-failed'];
  if (ends.includes(type)) interrupt.busyWith = undefined;
  if (type === 'signed-in' && interrupt.signal.aborted) command.isSignInKept = true;
}
