import type { SignInOptions } from 'onedrive-token-handler';
import { hasBrowser } from '../session/browser.ts';
import { sharedTableOptions } from '../session/choose-sign-ins.ts';
import { choosePassphrase, readPassphrase } from '../session/key.ts';
import { openSession } from '../session/session.ts';
import { SignInView } from '../session/sign-in-view.ts';
import { defineCommand } from '../settings/command.ts';
import { defaultScopes } from '../settings/settings.ts';
import { exitStatus, Failure, UsageError } from '../terminal/failure.ts';
import { writeAnswer } from '../terminal/printable.ts';
import { describeAccount } from './status.ts';

/** Longer than any device code lives: Microsoft's live for 15 minutes. */
const longestCodeLifeMs = 3_600_000;

export const login = defineCommand({
  name: 'login',
  summary: 'sign in',
  description: `Opens the browser, or the command that BROWSER names, and waits until you have signed in there. Before that it asks Microsoft whether it knows the client id. Client id, authority, scopes and account are remembered for the app name, so later commands don't need them; only login needs --redirect-host again. If no browser can be opened (SSH, a container), it prints the address. Open it on any computer, sign in, and paste the address of the page on which that browser ends.

PostgreSQL is shared: there, a sign-in replaces that of another client id only after you have typed the app name, or with --yes.

With --json: the same as status --json.`,
  examples: [
    ['onedrive-token login --client-id 12345678-90ab-cdef-1234-567890abcdef', 'the first time'],
    ['onedrive-token login --device', 'with a code that you enter on any device'],
    ['onedrive-token login --scope Files.Read --scope User.Read', 'with other permissions'],
    ['onedrive-token login --app family --prompt select_account', 'with another account'],
    ['ssh -t -L 8400:localhost:8400 server onedrive-token login --port 8400', 'on a server, with the browser here'],
  ],
  needsDatabase: true,
  options: {
    device: {
      flags: '--device',
      description: 'sign in with a code that you enter on any device',
      conflicts: ['paste', 'browser', 'port', 'redirectHost', 'prompt', 'loginHint', 'responseMode'],
    },
    paste: {
      flags: '--paste',
      description: 'sign in on any computer and paste the final address',
      conflicts: ['browser'],
    },
    browser: {
      flags: '--no-browser',
      description: 'print the address instead of opening a browser; then sign in here or paste the final address',
    },
    scope: {
      flags: '--scope <scope...>',
      description: `a permission to ask for; may be given several times (default: those granted last, else ${defaultScopes.join(' ')})`,
      read: readScopes,
    },
    prompt: {
      flags: '--prompt <what>',
      description: 'make Microsoft ask again: for the account, the password or the consent',
      choices: ['select_account', 'login', 'consent'],
    },
    loginHint: { flags: '--login-hint <user>', description: 'the account to suggest, for example ada@example.com' },
    port: {
      flags: '--port <port>',
      description: "wait for the browser's answer on this port, for example one that ssh forwards",
      read: readPort,
    },
    redirectHost: {
      flags: '--redirect-host <host>',
      description: 'the host in the registered redirect URI',
      choices: ['localhost', '127.0.0.1'],
    },
    encrypt: { flags: '--encrypt', description: 'ask for a passphrase that encrypts a new database, if none is set' },
    responseMode: {
      flags: '--response-mode <mode>',
      description: 'use query if the browser warns about a form (Safari)',
      choices: ['form_post', 'query'],
    },
    yes: sharedTableOptions.yes,
  },
  async run(command, { device, paste, browser, encrypt, responseMode, yes, ...options }) {
    const { settings, screen, interrupt } = command;
    if (!settings.interactive) {
      throw new Failure('login has to ask a person', {
        status: exitStatus.signInNeeded,
        remedy: 'Run it without --no-interactive',
      });
    }
    if (encrypt && settings.keyring)
      throw new UsageError('--encrypt: there is no passphrase to choose with --keyring (or ONEDRIVE_TOKEN_KEYRING)');
    const view = new SignInView(command, browser !== false && hasBrowser());
    const { scope: scopes, prompt, port: redirectPort, redirectHost, loginHint } = options;
    const codeLife = device && settings.timeout === undefined ? { signInTimeout: longestCodeLifeMs } : {};
    await using session = await openSession(command, {
      interactive: true,
      asked: { scopes },
      signIn: { redirectHost, redirectPort, responseMode, ...codeLife },
      yes,
      view,
      ...(encrypt && {
        passphrase:
          readPassphrase(settings) ?? (await choosePassphrase(command, 'Set ONEDRIVE_TOKEN_KEY or --key-file')),
      }),
    });
    const { signal } = interrupt;
    let signIn: SignInOptions = { method: 'browser', signal, prompt, loginHint };
    if (device) signIn = { method: 'device', signal, onDeviceCode: view.onDeviceCode };
    if (paste) signIn = { ...signIn, method: 'paste', readRedirectUrl: view.readRedirectUrl };
    const status = await session.handler.signIn(signIn);
    await session.finish();
    if (settings.json) writeAnswer(`${JSON.stringify(status)}\n`);
    else screen.say(`Signed in${describeAccount(status)}.`);
  },
});

/** One argument may hold several scopes, separated by spaces, as `status` prints them. */
function readScopes(value: string, before: readonly string[] = []): readonly string[] {
  const scopes = value.split(/\s+/).filter(Boolean);
  if (scopes.length === 0) throw new UsageError('It is empty.');
  return [...before, ...scopes];
}

function readPort(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535) throw new UsageError('It is not a port from 1 to 65535.');
  return port;
}
