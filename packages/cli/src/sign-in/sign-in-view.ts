// sign-in/ is what a person sees of a sign-in, and how they answer.
import type { Interface } from 'node:readline';
import type { OneDriveTokenHandlerOptions, SignInOptions, TokenEvent } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
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

export class SignInView implements Disposable {
  readonly #command: Command;
  readonly #surroundings: Surroundings;
  #url: URL | undefined;
  #urlShown = false;
  #lines: Interface | undefined;
  #showUrlTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(command: Command, surroundings: Surroundings = readSurroundings()) {
    this.#command = command;
    this.#surroundings = surroundings;
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
        screen.spin(() => `Waiting for another process to finish its ${event.for}`);
        break;
      case 'sign-in-started':
        this.#command.signInMethod =
          event.method === 'browser' && !this.#surroundings.hasBrowser ? 'address' : event.method;
        if (event.method !== 'paste') this.#showWait(event.method, event.expiresAt);
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
  readonly onDeviceCode: NonNullable<SignInOptions['onDeviceCode']> = async ({ userCode, verificationUri }) => {
    const { screen } = this.#command;
    if (screen.isTerminal) {
      const { renderQrCode } = await import('./qr-code.ts');
      const code = renderQrCode(verificationUri, screen);
      if (code) screen.say(code);
    }
    screen.say(`On any device, open   ${printable(verificationUri)}\nand enter the code    ${printable(userCode)}`);
  };

  /** For `--paste`: asks for the address of the page on which the browser ended. */
  readonly readRedirectUrl = (): Promise<string> => {
    if (!this.#urlShown) {
      this.#showUrl();
      this.#explainPaste({ isListening: false });
    }
    this.#lines ??= this.#readLines();
    const lines = this.#lines;
    lines.prompt();
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
    clearTimeout(this.#showUrlTimer);
    this.#lines?.close();
    this.#command.screen.clear();
  }

  /** Used instead of a browser: shows the address, and gives every pasted line to the listener until the sign-in has ended. */
  #waitForPaste(): void {
    this.#showUrl();
    this.#explainPaste({ isListening: true });
    const lines = this.#readLines();
    this.#lines = lines;
    lines.prompt();
    // If stdin ends, the wait goes on: a browser on this computer may still answer.
    lines.on('line', (line) => void this.#deliver(line, lines));
  }

  async #deliver(line: string, lines: Interface): Promise<void> {
    if (!this.#url || line.trim() === '') return lines.prompt();
    const refusal = await deliverPastedAddress(line, this.#url);
    if (this.#ended || refusal === undefined) return;
    this.#command.screen.say(refusal);
    lines.prompt();
  }

  #readLines(): Interface {
    const { screen, interrupt } = this.#command;
    return readLines({ screen, interrupt, prompt: 'Paste the address here: ' });
  }

  #showWait(method: 'browser' | 'device', expiresAt: number): void {
    // A countdown would overwrite the line into which the person pastes.
    if (method === 'browser' && !this.#surroundings.hasBrowser) return;
    const place = method === 'browser' ? 'in the browser' : 'there';
    this.#command.screen.spin(() => `Waiting for you to sign in ${place}: ${timeLeft(expiresAt)} left, Ctrl-C cancels`);
    this.#showUrlTimer = setTimeout(() => this.#showUrl(), showUrlAfterMs).unref();
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

function timeLeft(until: number): string {
  const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
