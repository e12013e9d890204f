import type { SignInOptions, SignInStatus } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { Failure } from '../failure.ts';
import { printable } from '../printable.ts';
import { defaultScopes } from '../remembered-app.ts';
import { openSession, type Session } from '../session.ts';
import { readSurroundings } from '../sign-in/surroundings.ts';
import { writeOut } from '../streams.ts';

export interface LoginOptions {
  device?: boolean;
  paste?: boolean;
  /** False for --no-browser. */
  browser?: boolean;
  scope?: string[];
}

/** Signs in, whatever is stored. */
export async function login(command: Command, options: LoginOptions): Promise<number> {
  const { settings, screen } = command;
  if (!settings.interactive) {
    throw new Failure('login asks a person: run it without --no-interactive, on a terminal', exitStatus.signInNeeded);
  }
  const surroundings = readSurroundings();
  await using session = await openSession(command, {
    interactive: true,
    scopes: options.scope ?? defaultScopes,
    surroundings: options.browser === false ? { ...surroundings, hasBrowser: false } : surroundings,
  });
  const status = await session.handler.signIn(signInOptions(command, options, session));
  screen.clear();
  if (settings.json) writeOut(`${JSON.stringify(status)}\n`);
  else screen.say(`Signed in${accountOf(status)}.`);
  return exitStatus.done;
}

function signInOptions({ interrupt }: Command, { device, paste }: LoginOptions, { view }: Session): SignInOptions {
  const { signal } = interrupt;
  if (device) return { method: 'device', signal, onDeviceCode: view.onDeviceCode };
  if (paste) return { method: 'paste', signal, readRedirectUrl: view.readRedirectUrl };
  return { method: 'browser', signal };
}

/** ' as Ada Lovelace (ada@example.com)', or nothing where the account is not known. */
export function accountOf({ account }: SignInStatus): string {
  const { name, username } = account ?? {};
  if (!name && !username) return '';
  return printable(name && username ? ` as ${name} (${username})` : ` as ${name ?? username}`);
}
