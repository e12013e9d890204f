// What a person sees of a sign-in, and how they answer.
import type { Interface } from 'node:readline';
import type {
  OneDriveTokenError,
  OneDriveTokenHandlerOptions,
  SignInOptions,
  SignInReason,
  TokenEvent,
} from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { Failure } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { readLines } from '../terminal/read-lines.ts';
import { openWithBrowserCommand } from './browser-command.ts';
import { pasteInstructions } from './paste-instructions.ts';
import { deliverPastedAddress } from './pasted-address.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';

/** If the person has not signed in by then, the address is shown, although a browser seemed to open. */
const showUrlAfterMs = 10_000;
/** If the person has not signed in by then, the browser may show an error page, which never comes back here. */
const explainErrorsAfterMs = 30_000;
const errorsPage = 'https://github.com/onedrive-token/onedrive-token/blob/main/docs/microsoft.md#the-errors';
const browsersPage =
  'https://github.com/onedrive-token/onedrive-token/blob/main/docs/microsoft.md#browsers-that-stop-the-way-back';

export class SignInView implements Disposable {
  readonly #command: Command;
  readonly #surroundings: Surroundings;
  #url: URL | undefined;
  #urlShown = false;
  #lines: Interface | undefined;
  #timers: NodeJS.Timeout[] = [];
  /** When the wait for the person ends, in epoch milliseconds. */
  #expiresAt = 0;
  /** Why the provider refused the stored sign-in. */
  #refusal: unknown;
  #ended = false;

  readonly #isLogin: boolean;

  /** `isLogin`: the command was told to sign in, so that the sign-in of another process is no substitute. */
  constructor(
    command: Command,
    { surroundings = readSurroundings(), isLogin = false }: { surroundings?: Surroundings; isLogin?: boolean } = {},
  ) {
    this.#command = command;
    this.#surroundings = surroundings;
    this.#isLogin = isLogin;
  }

  /** How the handler reaches a person here. */
  get handlerOptions(): Pick<OneDriveTokenHandlerOptions, 'openBrowser' | 'responseMode'> {
    // An address can only be pasted if the code is in it.
    if (!this.#surroundings.hasBrowser) return { openBrowser: () => this.#waitForPaste(), responseMode: 'query' };
    const { BROWSER } = process.env;
    return BROWSER ? { openBrowser: (url) => openWithBrowserCommand(BROWSER, url) } : {};
  }

  readonly onEvent = (event: TokenEvent): void => {
    const { screen } = this.#command;
    switch (event.type) {
      case 'waiting':
        if (event.for === 'sign-in') this.#showOtherSignIn();
        break;
      case 'refresh-failed':
        this.#refusal = event.error;
        break;
      case 'sign-in-started':
        this.#command.signInMethod =
          event.method === 'browser' && !this.#surroundings.hasBrowser ? 'address' : event.method;
        this.#expiresAt = event.expiresAt;
        if (event.reason !== 'requested') screen.say(`${this.#describeReason(event.reason)} Sign in now.`);
        if (event.method === 'browser') this.#showWait('in the browser');
        break;
      case 'authorization-url':
        this.#url = new URL(event.url);
        // Without a terminal there is no countdown to watch, so the address is shown at once.
        if (this.#surroundings.hasBrowser && !screen.isTerminal) this.#showUrl();
        break;
      case 'browser-failed':
        screen.say(`No browser could be opened: ${printable(event.error.message)}`);
        this.#showUrl();
        screen.say(`Browser on another computer? Run: ${suggestCommand('login --paste', this.#command.settings)}`);
        break;
      case 'paste-refused':
        screen.say(printable(event.reason));
        break;
      case 'signed-in':
        this.#command.signInMethod = undefined;
        this.#end();
        break;
      case 'sign-in-failed':
        this.#end();
        break;
      default:
        break;
    }
  };

  /** Shows the code of a sign-in on another device. */
  readonly onDeviceCode: NonNullable<SignInOptions['onDeviceCode']> = async (device) => {
    const { screen } = this.#command;
    const { userCode, verificationUri, expiresAt } = device;
    this.#expiresAt = expiresAt;
    if (screen.isTerminal) {
      const { renderQrCode } = await import('./qr-code.ts');
      const code = renderQrCode(verificationUri, screen);
      if (code) screen.say(code);
    }
    screen.say(`On any device, open   ${printable(verificationUri)}\nand enter the code    ${printable(userCode)}`);
    // RFC 8628 section 5.4: a code that an attacker sent would sign in the attacker's program.
    screen.say('Enter only a code that you asked for yourself. Never enter one that another person sent you.');
    this.#showWait('there');
  };

  /** For `--paste`: asks for the address of the page on which the browser ended. */
  readonly readRedirectUrl = (): Promise<string> => {
    if (!this.#urlShown) {
      this.#showUrl();
      this.#explainPaste({ isListening: false });
    }
    this.#lines ??= this.#readLines();
    const lines = this.#lines;
    this.#prompt(lines);
    return new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new Failure('nothing was pasted')));
    });
  };

  [Symbol.dispose](): void {
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#lines?.close();
    this.#command.screen.clear();
  }

  /** Used instead of a browser: shows the address, and gives every pasted line to the listener until the sign-in has ended. */
  #waitForPaste(): void {
    this.#showUrl();
    this.#explainPaste({ isListening: true });
    const lines = this.#readLines();
    this.#lines = lines;
    this.#prompt(lines);
    this.#after(explainErrorsAfterMs, () => this.#explainErrors());
    // If stdin ends, the wait goes on: a browser on this computer may still answer.
    lines.on('line', (line) => void this.#deliver(line, lines));
  }

  async #deliver(line: string, lines: Interface): Promise<void> {
    if (!this.#url || line.trim() === '') return this.#prompt(lines);
    const refusal = await deliverPastedAddress(line, this.#url);
    if (this.#ended || refusal === undefined) return;
    this.#command.screen.say(refusal);
    this.#prompt(lines);
  }

  #readLines(): Interface {
    const { screen, interrupt } = this.#command;
    const lines = readLines({ screen, interrupt, prompt: this.#promptText });
    // A line that the person is editing is left alone.
    const tick = (): void => {
      if (lines.terminal && process.env.TERM !== 'dumb' && lines.line === '') this.#prompt(lines);
    };
    this.#timers.push(setInterval(tick, 1_000).unref());
    return lines;
  }

  get #promptText(): string {
    return `${timeLeft(this.#expiresAt)} left. Paste the address here: `;
  }

  #prompt(lines: Interface): void {
    if (lines.terminal) lines.setPrompt(this.#promptText);
    lines.prompt(true);
  }

  #showWait(place: string): void {
    // A countdown would overwrite the line into which the person pastes.
    if (this.#command.signInMethod === 'address') return;
    const text = (): string => `Waiting for you to sign in ${place}: ${timeLeft(this.#expiresAt)} left, Ctrl-C cancels`;
    this.#command.screen.spin(text);
    if (this.#command.signInMethod !== 'browser') return;
    this.#after(showUrlAfterMs, () => this.#showUrl());
    this.#after(explainErrorsAfterMs, () => this.#explainErrors());
  }

  #after(delayMs: number, work: () => void): void {
    this.#timers.push(setTimeout(work, delayMs).unref());
  }

  /** Of a person who called `login` twice, or of a script beside a person. */
  #showOtherSignIn(): void {
    const { screen } = this.#command;
    const next = this.#isLogin ? 'Then this command begins a sign-in of its own.' : 'This command uses its result.';
    screen.say(`Another process is signing in under this app name. ${next}`);
    screen.spin(() => 'Waiting for the sign-in of another process, Ctrl-C cancels');
  }

  #describeReason(reason: SignInReason): string {
    const { app } = this.#command.settings;
    switch (reason) {
      case 'refused':
        return `The provider does not accept the stored sign-in any more${describeNumbers(this.#refusal)}.`;
      case 'not-accepted':
        return 'The stored sign-in lacks a permission that is needed now.';
      default:
        return `No sign-in is stored for app name ${JSON.stringify(app)} yet.`;
    }
  }

  /** An error page of the provider's looks like any other page to this process. */
  #explainErrors(): void {
    const { screen, settings } = this.#command;
    const suggest = (options: string): string => suggestCommand(`login ${options}`, settings);
    screen.say(`Does the browser show an error instead? Such a page never comes back here. Look for its number:
  AADSTS700016   the client id is wrong, or the app does not allow personal accounts
  AADSTS50011    the registration lacks the redirect URI http://localhost (Mobile and desktop applications)
  others         ${errorsPage}
The browser says that it cannot reach localhost?   ${suggest('--paste')}
The browser warns about a form?                    ${suggest('--response-mode query')}
A blank page, or Firefox or Safari blocks it?      ${browsersPage}
`);
    const lines = this.#lines;
    if (lines) this.#prompt(lines);
  }

  #showUrl(): void {
    if (this.#urlShown || !this.#url) return;
    this.#urlShown = true;
    this.#command.screen.say(`Open this address in a browser:\n\n${printable(this.#url.href)}\n`);
  }

  #explainPaste({ isListening }: { isListening: boolean }): void {
    const { place } = this.#surroundings;
    const host = this.#redirectUri?.host ?? '';
    const { screen, settings } = this.#command;
    screen.say(pasteInstructions({ place, host, isListening, settings }));
  }

  get #redirectUri(): URL | undefined {
    const uri = this.#url?.searchParams.get('redirect_uri');
    return uri ? new URL(uri) : undefined;
  }
}

/** ' (invalid_grant, AADSTS700082)', or '' if the error has neither. */
function describeNumbers(refusal: unknown): string {
  const { error, errorCodes = [] } = Object(refusal) as Partial<OneDriveTokenError>;
  const parts = [error, ...errorCodes.map((number) => `AADSTS${number}`)].filter(Boolean);
  return parts.length > 0 ? printable(` (${parts.join(', ')})`) : '';
}

function timeLeft(until: number): string {
  const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
