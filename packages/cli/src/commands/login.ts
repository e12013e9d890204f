import type { SignInOptions } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { describeAccount } from '../describe-account.ts';
import { exitStatus } from '../exit-status.ts';
import { defaultScopes } from '../files/remembered-app.ts';
import { readPassphrase } from '../key/passphrase.ts';
import { openSession } from '../session/session.ts';
import { SignInView } from '../sign-in/sign-in-view.ts';
import { readSurroundings } from '../sign-in/surroundings.ts';
import { choosePassphrase } from '../terminal/ask-passphrase.ts';
import { Failure } from '../terminal/failure.ts';
import { writeOut } from '../terminal/streams.ts';
import { UsageError } from '../usage-error.ts';

export interface LoginOptions {
  device?: boolean;
  paste?: boolean;
  /** False for --no-browser. */
  browser?: boolean;
  scope?: string[];
  /** Ask for the passphrase of a new database. */
  encrypt?: boolean;
  responseMode?: 'form_post' | 'query';
}

/** Signs in, whatever is stored. */
export async function login(command: Command, options: LoginOptions): Promise<number> {
  const { settings, screen } = command;
  if (!settings.interactive) {
    throw new Failure('login asks a person: run it without --no-interactive, on a terminal', exitStatus.signInNeeded);
  }
  if (options.encrypt && settings.keyring)
    throw new UsageError('--encrypt: with --keyring (or ONEDRIVE_TOKEN_KEYRING) there is no passphrase to choose');
  const surroundings = readSurroundings();
  const view = new SignInView(
    command,
    options.browser === false ? { ...surroundings, hasBrowser: false } : surroundings,
  );
  await using session = await openSession(command, {
    interactive: true,
    scopes: options.scope ?? defaultScopes,
    view,
    ...(options.encrypt && {
      passphrase: readPassphrase(settings) ?? (await choosePassphrase(command, 'set ONEDRIVE_TOKEN_KEY or --key-file')),
    }),
    ...(options.responseMode && { responseMode: options.responseMode }),
  });
  const status = await session.handler.signIn(signInOptions(command, options, view));
  await session.store();
  screen.clear();
  if (settings.json) writeOut(`${JSON.stringify(status)}\n`);
  else screen.say(`Signed in${describeAccount(status)}.`);
  return exitStatus.done;
}

function signInOptions({ interrupt }: Command, { device, paste }: LoginOptions, view: SignInView): SignInOptions {
  const { signal } = interrupt;
  if (device) return { method: 'device', signal, onDeviceCode: view.onDeviceCode };
  if (paste) return { method: 'paste', signal, readRedirectUrl: view.readRedirectUrl };
  return { method: 'browser', signal };
}
