// The types of playwright-core need those of a page.
/// <reference lib="dom" />
import { type Browser, type BrowserContextOptions, type CDPSession, chromium, type Page } from 'playwright-core';
import { makeProfileFolder } from './browser-process.ts';
import { type BrowserWindow, stepTimeoutMs } from './browser-window.ts';
import { findProgram } from './find-program.ts';

/** The executable `chromium` on PATH (Debian: `apt install chromium`). Undefined if there is none. */
export const chromiumPath = findProgram('chromium');

/** Starts Chromium without a window. It makes no requests of its own. Rejects if Chromium is not installed. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  if (!chromiumPath) throw new Error('there is no chromium on PATH (Debian: apt install chromium)');
  const temporary = makeProfileFolder();
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    // For what Chromium leaves behind if it is killed. playwright-core removes the profile, which is elsewhere.
    env: { ...process.env, TMPDIR: temporary.folder },
    timeout: stepTimeoutMs,
    args: [
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...args,
    ],
  });
  browser.on('disconnected', () => temporary[Symbol.asyncDispose]());
  return browser;
}

/** A window of Chromium, with the methods that all engines have. */
export interface ChromiumWindow extends BrowserWindow {
  /** The messages of the console: errors of pages, and violations of a content security policy. */
  messages(): Promise<string[]>;
  /** The addresses of the window's history. */
  history(): Promise<string[]>;
}

/** Starts Chromium with one window. By default it accepts certificates of unknown authorities. */
export async function openChromium(
  options: { args?: readonly string[]; context?: BrowserContextOptions } = {},
): Promise<ChromiumWindow> {
  await using stack = new AsyncDisposableStack();
  const browser = await launchChromium(options.args);
  stack.defer(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options.context });
  context.setDefaultTimeout(stepTimeoutMs);
  const page = await context.newPage();
  return new Window({ page, session: await context.newCDPSession(page) }, stack.move());
}

class Window implements ChromiumWindow {
  readonly #page: Page;
  readonly #session: CDPSession;
  readonly #belongings: AsyncDisposableStack;
  readonly #messages: string[] = [];

  constructor({ page, session }: { page: Page; session: CDPSession }, belongings: AsyncDisposableStack) {
    this.#page = page;
    this.#session = session;
    this.#belongings = belongings;
    page.on('console', (message) => this.#messages.push(message.text()));
    page.on('pageerror', (error) => this.#messages.push(String(error)));
  }

  async open(url: string): Promise<void> {
    // An error page, or a page that was left by its own script, is what the test wants to see.
    await this.#page.goto(url, { waitUntil: 'domcontentloaded' }).catch((error: Error) => {
      if (!/net::ERR_|interrupted/.test(error.message)) throw error;
    });
  }

  async address(): Promise<string> {
    return this.#page.url();
  }

  evaluate(expression: string): Promise<unknown> {
    return this.#page.evaluate(expression);
  }

  async type(selector: string, text: string): Promise<void> {
    await this.#page.locator(selector).first().pressSequentially(text);
  }

  async click(selector: string): Promise<void> {
    await this.#page.locator(selector).first().click();
  }

  takePicture(): Promise<Buffer> {
    return this.#page.screenshot();
  }

  async messages(): Promise<string[]> {
    return this.#messages;
  }

  async history(): Promise<string[]> {
    const { entries } = await this.#session.send('Page.getNavigationHistory');
    return entries.map(({ url }) => url);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#belongings.disposeAsync();
  }
}
