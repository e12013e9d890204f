import type { OneDriveTokenHandler, SignInStatus, TokenEvent } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { missingClientId } from '../errors/missing-client-id.ts';
import { defaultScopes, readRememberedApp, rememberApp } from '../files/remembered-app.ts';
import { withKey } from '../key/with-key.ts';
import { type HandlerOptions, openHandler } from '../open-handler.ts';
import type { Settings } from '../settings/settings.ts';
import type { SignInView } from '../sign-in/sign-in-view.ts';
import { refreshing } from '../terminal/interrupt.ts';
import { printable } from '../terminal/printable.ts';
import { warnNotStored } from '../warn-not-stored.ts';
import { describeEvent } from './describe-event.ts';

export interface SessionOptions {
  /** Whether a token that can't be had silently may be asked of the person. */
  interactive: boolean;
  /** Default: those that were granted last. */
  scopes?: readonly string[];
  /** What encrypts a new database. Default: what is set, remembered or asked for. */
  passphrase?: string;
  /** Default: the handler's. Where a code is to be pasted, it is 'query' in any case. */
  responseMode?: 'form_post' | 'query';
  /** What the person sees of a sign-in. Default: what fits where this runs. */
  view?: SignInView;
}

/** A handler, connected to the screen and the memory of this command line. */
export interface Session extends AsyncDisposable {
  readonly handler: OneDriveTokenHandler;
  /** Closes the handler. Throws STORE where what it got is still not in the database. */
  store(): Promise<void>;
}

/** Throws UsageError without a client id, STORE where the database can't be used. */
export async function openSession(command: Command, options: SessionOptions): Promise<Session> {
  const { settings } = command;
  const remembered = readRememberedApp(settings.db, settings.app);
  const clientId = settings.clientId ?? remembered?.clientId;
  if (!clientId) throw missingClientId(settings);

  const view = options.view ?? (options.interactive ? await createView(command) : undefined);
  let notStored: Error | undefined;
  const onEvent = (event: TokenEvent): void => {
    if (settings.verbose) command.screen.say(printable(describeEvent(event)));
    if (event.type === 'signed-in') remember(command, clientId, event.scopes);
    if (event.type === 'store-failed') notStored = event.error;
    if (event.type === 'store-recovered') notStored = undefined;
    guardRefresh(command, event);
    view?.onEvent(event);
  };
  const open = async (encryptionKey: string | Uint8Array | undefined): Promise<OneDriveTokenHandler> => {
    const handlerOptions = {
      clientId,
      scopes: options.scopes ?? remembered?.scopes ?? defaultScopes,
      interactive: options.interactive,
      onEvent,
      ...(options.responseMode && { responseMode: options.responseMode }),
      ...view?.handlerOptions,
      ...(encryptionKey !== undefined && { encryptionKey }),
    };
    const opened = await openDatabase(settings, handlerOptions);
    const { scopes } = opened.status;
    if (options.scopes || scopes.length === 0 || scopes.join() === handlerOptions.scopes.join()) return opened.handler;
    // Another program has signed in, or what was remembered is lost: more than was granted is not needed.
    await opened.handler.close();
    return (await openDatabase(settings, { ...handlerOptions, scopes })).handler;
  };
  const { passphrase } = options;
  const handler = await (passphrase === undefined ? withKey(command, open) : open(passphrase));
  return {
    handler,
    async store() {
      await handler.close();
      const error = notStored;
      notStored = undefined;
      if (error) throw error;
    },
    async [Symbol.asyncDispose]() {
      view?.[Symbol.dispose]();
      await handler.close();
      if (notStored) warnNotStored(notStored);
    },
  };
}

/** Opens it at once, so that a wrong passphrase shows before anything is done. */
async function openDatabase(
  settings: Settings,
  options: HandlerOptions,
): Promise<{ handler: OneDriveTokenHandler; status: SignInStatus }> {
  const handler = openHandler(settings, options);
  try {
    return { handler, status: await handler.status() };
  } catch (error) {
    await handler.close();
    throw error;
  }
}

async function createView(command: Command): Promise<SignInView> {
  const { SignInView } = await import('../sign-in/sign-in-view.ts');
  return new SignInView(command);
}

function remember({ settings, screen }: Command, clientId: string, scopes: string[]): void {
  try {
    rememberApp(settings.db, settings.app, { clientId, scopes });
  } catch (error) {
    screen.say(`The client id could not be remembered: ${(error as Error).message}`);
  }
}

/** A refresh that has left must be finished, or the sign-in is lost. */
function guardRefresh({ interrupt }: Command, { type }: TokenEvent): void {
  if (type === 'refresh-started') interrupt.busyWith = refreshing;
  if (type === 'refreshed' || type === 'refresh-failed') interrupt.busyWith = undefined;
}
