import type { Interface } from 'node:readline';
import type { OneDriveTokenHandlerOptions, SignInOptions, TokenEvent } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { Failure } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { readLines } from '../terminal/read-lines.ts';
import { openWithBrowserCommand } from './browser-command.ts';
import { hintsAwayFromBrowser } from './paste-instructions.ts';
import { deliverPastedAddress } from './pasted-address.ts';
import { readSurroundings, type Surroundings } from './surroundings.ts';

/** After this many milliseconds of waiting the address is shown, although a browser seemed to open. */
const patience = 10_000;

/** What a person sees of a sign-in, and how they answer. */
export class SignInView implements Disposable {
  readonly #command: Command;
  readonly #surroundings: Surroundings;
  #url: URL | undefined;
  #urlShown = false;
  #lines: Interface | undefined;
  #late: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(command: Command, surroundings: Surroundings = readSurroundings()) {
    this.#command = command;
    this.#surroundings = surroundings;
  }

  /** How the handler is to reach a person here. */
  get handlerOptions(): Pick<OneDriveTokenHandlerOptions, 'openBrowser' | 'responseMode'> {
    // Only a code in the address bar can be pasted.
    if (!this.#surroundings.hasBrowser) return { openBrowser: () => this.#waitForPaste(), responseMode: 'query' };
    const { BROWSER } = process.env;
    return BROWSER ? { openBrowser: (url) => openWithBrowserCommand(BROWSER, url) } : {};
  }

  readonly onEvent = (event: TokenEvent): void => {
    const { screen } = this.#command;
    switch (event.type) {
      case 'waiting':
        screen.spin(() => `Waiting for another process (${event.for}), to use its result`);
        break;
      case 'sign-in-started':
        if (event.method !== 'paste') this.#showWait(event.method, event.expiresAt);
        break;
      case 'authorization-url':
        this.#url = new URL(event.url);
        // Off a terminal nobody sees the wheel turn and wonders, so the address comes at once.
        if (this.#surroundings.hasBrowser && !screen.isTerminal) this.#showUrl();
        break;
      case 'browser-failed':
        screen.say(`No browser could be opened: ${printable(event.error.message)}`);
        this.#showUrl();
        screen.say(
          `Where the browser is on another computer: ${suggestCommand('login --paste', this.#command.settings)}`,
        );
        break;
      case 'paste-refused':
        screen.say(printable(event.reason));
        break;
      case 'signed-in':
      case 'sign-in-failed':
        this[Symbol.dispose]();
        break;
      default:
        break;
    }
  };

  /** Shows the code of a sign-in on another device. */
  readonly onDeviceCode: NonNullable<SignInOptions['onDeviceCode']> = async ({ userCode, verificationUri }) => {
    const { screen } = this.#command;
    if (screen.isTerminal) {
      const { renderQrCode } = await import('./qr-code.ts');
      const code = renderQrCode(verificationUri, screen);
      if (code) screen.say(code);
    }
    screen.say(`On any device, open   ${printable(verificationUri)}\nand enter the code    ${printable(userCode)}`);
  };

  /** Asks for the address that the browser ended at. */
  readonly readRedirectUrl = (): Promise<string> => {
    if (!this.#urlShown) {
      this.#showUrl();
      this.#explainPaste();
    }
    this.#lines ??= readLines(this.#command);
    const lines = this.#lines;
    lines.prompt();
    return new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new Failure('nothing was pasted')));
    });
  };

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#late);
    this.#lines?.close();
    this.#command.screen.clear();
  }

  /** Stands in for a browser: shows the address, then takes what is pasted to the listener, until the sign-in has ended. */
  #waitForPaste(): void {
    this.#showUrl();
    this.#explainPaste();
    const lines = readLines(this.#command);
    this.#lines = lines;
    lines.prompt();
    // The end of stdin is no answer: a browser on this machine may still bring one.
    lines.on('line', (line) => void this.#deliver(line, lines));
  }

  async #deliver(line: string, lines: Interface): Promise<void> {
    const redirectUri = this.#redirectUri;
    if (!redirectUri || line.trim() === '') return lines.prompt();
    const refusal = await deliverPastedAddress(line, redirectUri);
    if (this.#ended || refusal === undefined) return;
    this.#command.screen.say(`Not taken: ${refusal}.`);
    lines.prompt();
  }

  #showWait(method: 'browser' | 'device', expiresAt: number): void {
    // A wheel would turn through the line in which a person pastes.
    if (method === 'browser' && !this.#surroundings.hasBrowser) return;
    const place = method === 'browser' ? 'in the browser' : 'there';
    this.#command.screen.spin(() => `Waiting for you to sign in ${place}: ${timeLeft(expiresAt)} left, Ctrl-C cancels`);
    this.#late = setTimeout(() => this.#showUrl(), patience).unref();
  }

  #showUrl(): void {
    if (this.#urlShown || !this.#url) return;
    this.#urlShown = true;
    this.#command.screen.say(`Open this address in a browser:\n\n${printable(this.#url.href)}\n`);
  }

  #explainPaste(): void {
    const port = this.#redirectUri?.port ?? '';
    const lines = [
      'Sign in there. A browser on another computer ends at a page that it cannot open,',
      `http://localhost:${port}/?code=... Copy that whole address and paste it here.`,
      ...hintsAwayFromBrowser(this.#surroundings.place, port, this.#command.settings),
    ];
    this.#command.screen.say(`${lines.join('\n')}\n`);
  }

  get #redirectUri(): URL | undefined {
    const uri = this.#url?.searchParams.get('redirect_uri');
    return uri ? new URL(uri) : undefined;
  }
}

function timeLeft(until: number): string {
  const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
