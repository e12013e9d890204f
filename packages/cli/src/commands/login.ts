import type { SignInOptions } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { choosePassphrase, readPassphrase } from '../key/passphrase.ts';
import { openSession } from '../session/session.ts';
import { defaultScopes } from '../settings/token-options.ts';
import { SignInView } from '../sign-in/sign-in-view.ts';
import { readSurroundings } from '../sign-in/surroundings.ts';
import { exitStatus, Failure, UsageError } from '../terminal/failure.ts';
import { writeOut } from '../terminal/streams.ts';
import { describeAccount } from './status.ts';

export interface LoginOptions {
  device?: boolean;
  paste?: boolean;
  /** False for --no-browser. */
  browser?: boolean;
  scope?: string[];
  /** Asks for the passphrase of a new database. */
  encrypt?: boolean;
  responseMode?: 'form_post' | 'query';
}

/** Signs in, whatever is stored. */
export async function login(command: Command, options: LoginOptions): Promise<number> {
  const { settings, screen } = command;
  if (!settings.interactive) {
    throw new Failure('login has to ask a person: run it without --no-interactive', exitStatus.signInNeeded);
  }
  if (options.encrypt && settings.keyring)
    throw new UsageError('--encrypt: there is no passphrase to choose with --keyring (or ONEDRIVE_TOKEN_KEYRING)');
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
  await session.finish();
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
