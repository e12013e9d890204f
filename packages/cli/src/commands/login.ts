import type { SignInOptions } from 'onedrive-token-handler';
import { choosePassphrase, readPassphrase } from '../session/passphrase.ts';
import { openSession, type Session, type SessionOptions } from '../session/session.ts';
import { SignInView } from '../session/sign-in-view.ts';
import { readSurroundings } from '../session/surroundings.ts';
import type { Command } from '../settings/command.ts';
import { MissingClientId } from '../settings/missing-client-id.ts';
import { mayAsk } from '../settings/settings.ts';
import type { SignInChoice } from '../settings/token-options.ts';
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
  port?: number;
  redirectHost?: 'localhost' | '127.0.0.1';
  prompt?: SignInOptions['prompt'];
  loginHint?: string;
}

/** Longer than any device code lives: Microsoft's live for 15 minutes. */
const longestCodeLifeMs = 3_600_000;

/** Signs in, whatever is stored. */
export async function login(command: Command, options: LoginOptions): Promise<number> {
  const { settings, screen } = command;
  if (!settings.interactive) {
    throw new Failure('login has to ask a person: run it without --no-interactive', exitStatus.signInNeeded);
  }
  if (options.encrypt && settings.keyring)
    throw new UsageError('--encrypt: there is no passphrase to choose with --keyring (or ONEDRIVE_TOKEN_KEYRING)');
  const surroundings = readSurroundings();
  const view = new SignInView(command, {
    surroundings: options.browser === false ? { ...surroundings, hasBrowser: false } : surroundings,
    isLogin: true,
  });
  const sessionOptions: SessionOptions = {
    interactive: true,
    signsIn: true,
    choice: readChoice(options),
    redirectPort: options.port,
    ...(options.device && settings.timeout === undefined && { signInTimeout: longestCodeLifeMs }),
    view,
    ...(options.encrypt && {
      passphrase: readPassphrase(settings) ?? (await choosePassphrase(command, 'set ONEDRIVE_TOKEN_KEY or --key-file')),
    }),
    ...(options.responseMode && { responseMode: options.responseMode }),
  };
  await using session = await openWithClientId(command, sessionOptions);
  const status = await session.handler.signIn(signInOptions(command, options, view));
  await session.finish();
  screen.clear();
  if (settings.json) writeOut(`${JSON.stringify(status)}\n`);
  else screen.say(`Signed in${describeAccount(status)}.`);
  return exitStatus.done;
}

/** On a terminal, a person who has no client id yet is asked for it. */
async function openWithClientId(command: Command, options: SessionOptions): Promise<Session> {
  try {
    return await openSession(command, options);
  } catch (error) {
    if (!(error instanceof MissingClientId) || !mayAsk(command.settings)) throw error;
  }
  const { askClientId } = await import('../session/ask-client-id.ts');
  command.settings.clientId = await askClientId(command);
  return openSession(command, options);
}

/** With `--prompt select_account` the person may choose another account than that of the last sign-in. */
function readChoice({ scope: scopes, redirectHost, prompt, loginHint }: LoginOptions): SignInChoice {
  return { scopes, redirectHost, loginHint: loginHint ?? (prompt === 'select_account' ? '' : undefined) };
}

function signInOptions(
  { interrupt }: Command,
  { device, paste, prompt }: LoginOptions,
  view: SignInView,
): SignInOptions {
  const { signal } = interrupt;
  if (device) return { method: 'device', signal, onDeviceCode: view.onDeviceCode };
  if (paste) return { method: 'paste', signal, prompt, readRedirectUrl: view.readRedirectUrl };
  return { method: 'browser', signal, prompt };
}
