// session/ is the handler of one command line: its options, its key, and what the command does with its events.
import {
  OneDriveTokenHandler,
  type OneDriveTokenHandlerOptions,
  readRecord,
  type TokenEvent,
} from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { missingClientId } from '../errors/missing-client-id.ts';
import { reportNotStored } from '../errors/report-error.ts';
import { rememberApp } from '../files/private-json.ts';
import { withKey } from '../key/with-key.ts';
import { defaultTimeoutMs } from '../settings/common-options.ts';
import { readTokenOptions, type SignedInWith, type TokenOptions } from '../settings/token-options.ts';
import type { SignInView } from '../sign-in/sign-in-view.ts';
import { UsageError } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { type Database, openDatabase } from './database.ts';
import { describeEvent } from './describe-event.ts';

export interface SessionOptions {
  /** Whether a person may be asked to sign in. */
  interactive: boolean;
  /** What a sign-in asks for. Default: the scopes that were granted last. */
  scopes?: readonly string[];
  /** Encrypts a new database. Default: the key that is set, remembered or asked for. */
  passphrase?: string;
  /** Default: the handler's. If a code is to be pasted, it is 'query' in any case. */
  responseMode?: 'form_post' | 'query';
  /** What the person sees of a sign-in. Default: what fits the place where this command runs. */
  view?: SignInView;
}

export interface Session extends AsyncDisposable {
  readonly handler: OneDriveTokenHandler;
  /** Closes the handler. Throws STORE if the new tokens are still not in the database. */
  finish(): Promise<void>;
}

/** Throws UsageError without a client id, and STORE if the database can't be used. */
export async function openSession(command: Command, options: SessionOptions): Promise<Session> {
  const { settings } = command;
  const view = options.view ?? (options.interactive ? await createView(command) : undefined);
  let notStored: Error | undefined;
  const handlerOptions = {
    signInTimeout: settings.timeout ?? defaultTimeoutMs,
    interactive: options.interactive,
    ...(options.responseMode && { responseMode: options.responseMode }),
    ...view?.handlerOptions,
  };
  const { database, handler } = await open(command, options, (tokenOptions) => ({
    ...tokenOptions,
    ...handlerOptions,
    onEvent: (event) => {
      if (settings.verbose) command.screen.say(printable(describeEvent(event)));
      if (event.type === 'signed-in') remember(command, tokenOptions.clientId, event.scopes);
      if (event.type === 'store-failed') notStored = event.error;
      if (event.type === 'store-recovered') notStored = undefined;
      guardRefresh(command, event);
      view?.onEvent(event);
    },
  }));
  return {
    handler,
    async finish() {
      await handler.close();
      const error = notStored;
      notStored = undefined;
      if (error) throw error;
    },
    async [Symbol.asyncDispose]() {
      view?.[Symbol.dispose]();
      await handler.close();
      await database[Symbol.asyncDispose]();
      if (notStored) reportNotStored(notStored, command);
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
  { scopes, passphrase }: SessionOptions,
  toHandlerOptions: (tokenOptions: TokenOptions) => OneDriveTokenHandlerOptions,
): Promise<Opened> {
  const { settings } = command;
  const choose = (record?: SignedInWith): TokenOptions => {
    const chosen = readTokenOptions(settings, scopes, record);
    if (!chosen) throw missingClientId(settings);
    return chosen;
  };
  // Without a client id, nothing is done to a file: no key is asked for or moved into the keyring.
  const ofFile = settings.postgresUrl === undefined ? choose() : undefined;
  const openWith = async (key: string | Uint8Array | undefined): Promise<Opened> => {
    const database = await openDatabase(settings, key);
    try {
      const tokenOptions = ofFile ?? choose(await readRecord(settings.app, database.options));
      return { database, handler: await openHandler({ ...toHandlerOptions(tokenOptions), ...database.options }) };
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
  };
  return passphrase === undefined ? withKey(command, openWith) : openWith(passphrase);
}

/** Opens the database at once, so that a wrong key shows before anything else is done. */
async function openHandler(options: OneDriveTokenHandlerOptions): Promise<OneDriveTokenHandler> {
  const handler = createHandler(options);
  try {
    await handler.status();
    return handler;
  } catch (error) {
    await handler.close();
    throw error;
  }
}

/** Throws UsageError if an option can't be used: the handler's message names it. */
function createHandler(options: OneDriveTokenHandlerOptions): OneDriveTokenHandler {
  try {
    return new OneDriveTokenHandler(options);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

async function createView(command: Command): Promise<SignInView> {
  const { SignInView } = await import('../sign-in/sign-in-view.ts');
  return new SignInView(command);
}

/** With PostgreSQL, the record itself has all that later commands need. */
function remember({ settings, screen }: Command, clientId: string, scopes: string[]): void {
  if (settings.postgresUrl !== undefined) return;
  try {
    rememberApp(settings.db, settings.app, { clientId, scopes });
  } catch (error) {
    screen.say(`The client id could not be remembered: ${(error as Error).message}`);
  }
}

/** While a refresh is under way, a signal must not cut it off: the sign-in would be lost. */
function guardRefresh({ interrupt }: Command, { type }: TokenEvent): void {
  if (type === 'refresh-started') interrupt.busyWith = 'finishing the refresh, so that the sign-in is not lost';
  // `stored-token` ends a refresh whose result was dropped, because another program had stored a token in the meantime.
  if (['refreshed', 'refresh-failed', 'stored-token'].includes(type)) interrupt.busyWith = undefined;
}
