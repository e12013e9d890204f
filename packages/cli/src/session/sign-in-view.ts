import type { OneDriveTokenHandlerOptions, SignInOptions, TokenEvent } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { describeSignInReason } from '../settings/describe-error.ts';
import { suggestCommand } from '../settings/settings.ts';
import { LineReader } from '../terminal/line-reader.ts';
import { hasBrowser, openWithBrowserCommand } from './browser.ts';

/** After this time, probably no browser has opened, or it shows an error page, which this process cannot see. */
const helpAfterMs = 15_000;
const microsoftPage = 'https://github.com/onedrive-token/onedrive-token/blob/main/docs/microsoft.md';

export class SignInView {
  readonly #command: Command;
  readonly #opensBrowser: boolean;
  #url: URL | undefined;
  #shownUrl: URL | undefined;
  #lines: LineReader | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the wait for the person ends, in epoch milliseconds. */
  #expiresAt = 0;
  /** Why the provider refused the stored sign-in. */
  #refusal: unknown;

  /** Without `opensBrowser`, shows the address, and reads a pasted one. */
  constructor(command: Command, opensBrowser = hasBrowser()) {
    this.#command = command;
    this.#opensBrowser = opensBrowser;
  }

  /** How the handler reaches a person here. */
  get handlerOptions(): Pick<OneDriveTokenHandlerOptions, 'openBrowser' | 'responseMode'> {
    // A pasted address must contain the code, so the code has to be in the query.
    if (!this.#opensBrowser) return { openBrowser: () => {}, responseMode: 'query' };
    const { BROWSER } = process.env;
    return BROWSER ? { openBrowser: (url) => openWithBrowserCommand(BROWSER, url) } : {};
  }

  readonly onEvent = (event: TokenEvent): void => {
    const { screen, settings } = this.#command;
    switch (event.type) {
      case 'refresh-failed':
        this.#refusal = event.error;
        break;
      case 'sign-in-started': {
        const { method, reason } = event;
        // Without a browser here, the person pastes.
        this.#command.signInMethod = method === 'browser' && !this.#opensBrowser ? 'paste' : method;
        this.#expiresAt = event.expiresAt;
        if (reason !== 'requested')
          screen.say(`Sign in now: ${describeSignInReason(reason, settings, this.#refusal)}.`);
        if (this.#command.signInMethod === 'browser') {
          this.#showWait('in the browser');
          this.#timer = setTimeout(() => this.#showHelp(), helpAfterMs).unref();
        }
        break;
      }
      case 'authorization-url':
        this.#url = new URL(event.url);
        if (event.deliver && !this.#opensBrowser) this.#waitForPaste(event.deliver);
        // Without a countdown to watch, the address is shown at once.
        else if (this.#opensBrowser && !screen.canRewrite) this.#showUrl();
        break;
      case 'browser-failed':
        screen.say(`No browser could be opened: ${event.error.message}`);
        this.#showUrl();
        screen.say(`Browser on another computer? Run: ${suggestCommand('login --paste', settings)}`);
        break;
      case 'paste-refused':
        screen.say(event.reason);
        break;
      case 'signed-in':
        this.#command.signInMethod = undefined;
        this.#end();
        break;
      case 'sign-in-failed':
        this.#end();
        break;
    }
  };

  readonly onDeviceCode: NonNullable<SignInOptions['onDeviceCode']> = (device) => {
    const { screen } = this.#command;
    const { userCode, verificationUri, expiresAt } = device;
    this.#expiresAt = expiresAt;
    screen.say(`On any device, open   ${verificationUri}\nand enter the code    ${userCode}`);
    // RFC 10027 (BCP 247): a code that an attacker sent would sign in the attacker's program.
    screen.say('Enter only a code that you asked for yourself. Never enter one that another person sent you.');
    this.#showWait('there');
  };

  /** For `--paste`: asks for the address of the page on which the browser ended. */
  readonly readRedirectUrl = (): Promise<string> => {
    this.#lines ??= this.#startPasting({ isListening: false });
    return this.#lines.ask('nothing was pasted');
  };

  #end(): void {
    clearTimeout(this.#timer);
    this.#lines?.close();
    this.#command.screen.clear();
  }

  /** Without a browser: shows the address, and gives every pasted line to the listener until the sign-in has ended. */
  #waitForPaste(deliver: (address: string) => void): void {
    const lines = this.#startPasting({ isListening: true });
    this.#lines = lines;
    lines.prompt();
    // If stdin ends, the wait goes on: a browser on this computer may still answer.
    lines.on('line', (line) => {
      if (line.trim() === '') return lines.prompt();
      try {
        deliver(line);
      } catch (error) {
        this.#command.screen.say((error as Error).message);
        lines.prompt();
      }
    });
  }

  /** Shows the address and what to do with it. `isListening`: this process also waits for a browser here. */
  #startPasting({ isListening }: { isListening: boolean }): LineReader {
    const { screen, settings, interrupt } = this.#command;
    this.#showUrl();
    const { host } = new URL(this.#url?.searchParams.get('redirect_uri') ?? 'http://localhost');
    const [end, here] = isListening
      ? ['Browser on another computer? It ends on an error page.', 'On this computer, nothing to paste.\n']
      : ['The browser then ends on an error page.', ''];
    screen.say(`Sign in there. ${end}
Copy that page's address (http://${host}/?code=...) here.
${here}To enter a short code on your phone instead, run: ${suggestCommand('login --device', settings)}
`);
    return new LineReader({ interrupt, prompt: () => `${this.#timeLeft} left. Paste the address here: ` });
  }

  #showWait(place: string): void {
    this.#command.screen.spin(() => `Waiting for you to sign in ${place}: ${this.#timeLeft} left, Ctrl-C cancels`);
  }

  #showHelp(): void {
    const { screen, settings } = this.#command;
    this.#showUrl();
    // This process cannot see whether the browser shows an error page of the provider.
    screen.say(`Does the browser show an error? This command cannot see it. What it means: ${microsoftPage}#the-errors
Does it warn, show nothing, or not reach localhost? ${microsoftPage}#browsers-that-stop-the-way-back
Or run: ${suggestCommand('login --paste', settings)}
`);
  }

  #showUrl(): void {
    if (!this.#url || this.#url === this.#shownUrl) return;
    this.#shownUrl = this.#url;
    this.#command.screen.say(`Open this address in a browser:\n\n${this.#url.href}\n`);
  }

  get #timeLeft(): string {
    const seconds = Math.max(0, Math.ceil((this.#expiresAt - Date.now()) / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}
