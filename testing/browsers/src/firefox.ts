import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BidiConnection } from './bidi-connection.ts';
import { makeProfileFolder, startBrowserProcess } from './browser-process.ts';
import { type BrowserWindow, waitUntil } from './browser-window.ts';
import { findProgram } from './find-program.ts';

/** The executable of Firefox (Debian: `apt install firefox-esr`). Undefined if there is none. */
export const firefoxPath = findProgram('firefox-esr');

/** Settings of `about:config`. */
export type FirefoxSettings = Readonly<Record<string, string | number | boolean>>;

/** A remote value of WebDriver BiDi that is a string. All that is asked for comes as JSON. */
interface Evaluated {
  type: 'success' | 'exception';
  result?: { value?: string };
  exceptionDetails?: { text: string };
}

/** A window of Firefox. Beside the page, a test can ask the browser itself. */
export interface FirefoxWindow extends BrowserWindow {
  /**
   * The value of an expression in the window of the browser: `gBrowser`, `gURLBar`, `Services`, `PopupNotifications` … It has to fit in JSON.
   */
  evaluateInBrowser(expression: string): Promise<unknown>;
  /** The messages of the browser's console: errors of pages, and violations of a content security policy. */
  messages(): Promise<string[]>;
  /** The addresses of the window's history. */
  history(): Promise<string[]>;
  /** All addresses that the browser remembers as visited, whatever the window's history holds. */
  visited(): Promise<string[]>;
  /**
   * Makes it like a Firefox that was just started with these settings: it forgets all that it has seen, and has one empty tab. A start takes
   * several times as much work.
   */
  renew(settings: FirefoxSettings): Promise<void>;
}

/** Starts Firefox without a screen. Rejects if it is not installed. By default it accepts certificates of unknown authorities. */
export async function openFirefox({ acceptInsecureCerts = true } = {}): Promise<FirefoxWindow> {
  if (!firefoxPath) throw new Error('there is no firefox-esr on PATH (Debian: apt install firefox-esr)');
  await using stack = new AsyncDisposableStack();
  const { folder } = stack.use(makeProfileFolder());
  const lines = Object.entries(ownSettings).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  writeFileSync(join(folder, 'user.js'), lines.join(''));
  let connection: BidiConnection | undefined;
  const process_ = startBrowserProcess(
    firefoxPath,
    [
      ...['--headless', '--no-remote', '--profile', folder],
      // Port 0: it takes a free one and writes which. System access: a test may ask the browser itself.
      ...['--remote-debugging-port=0', '--remote-allow-system-access', 'about:blank'],
    ],
    {
      env: { ...process.env, HOME: folder, TMPDIR: folder, XDG_CACHE_HOME: folder, MOZ_CRASHREPORTER_DISABLE: '1' },
      quit: async () => connection?.send('browser.close'),
    },
  );
  stack.use(process_);
  const [, url = ''] = await waitUntil(
    'a Firefox that listens',
    async () => /WebDriver BiDi listening on (ws:\S+)/.exec(process_.output()) ?? undefined,
  );
  connection = await BidiConnection.open(`${url}/session`);
  stack.defer(() => connection.close());
  await connection.send('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts } } });
  const page = await findContext(connection, {});
  const browser = await findContext(connection, { 'moz:scope': 'chrome' });
  return new Window({ connection, page, browser }, stack.move());
}

/** Settings for a browser that sends no requests of its own and shows no page of its own. */
const ownSettings = {
  'browser.aboutwelcome.enabled': false,
  'browser.newtabpage.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  // No process in reserve, no moving pictures, no thumbnails of pages: they cost more than the pages of the tests.
  'dom.ipc.processPrelaunch.enabled': false,
  'ui.prefersReducedMotion': 1,
  'browser.pagethumbnails.capturing_disabled': true,
};

/** The first tab, or the browser's own window, which has the scope `chrome`. Neither may be there at once. */
function findContext(connection: BidiConnection, scope: object): Promise<string> {
  return waitUntil('a window of Firefox', async () => {
    const { contexts } = await connection.send<{ contexts: { context: string; url: string }[] }>(
      'browsingContext.getTree',
      scope,
    );
    return contexts[0]?.context;
  });
}

interface WindowParts {
  readonly connection: BidiConnection;
  readonly page: string;
  readonly browser: string;
}

class Window implements FirefoxWindow {
  readonly #connection: BidiConnection;
  readonly #browser: string;
  readonly #belongings: AsyncDisposableStack;
  #page: string;
  #settings: FirefoxSettings = {};

  constructor({ connection, page, browser }: WindowParts, belongings: AsyncDisposableStack) {
    this.#connection = connection;
    this.#page = page;
    this.#browser = browser;
    this.#belongings = belongings;
  }

  async renew(settings: FirefoxSettings): Promise<void> {
    const old = this.#page;
    const { context } = await this.#connection.send<{ context: string }>('browsingContext.create', { type: 'tab' });
    this.#page = context;
    await this.#connection.send('browsingContext.close', { context: old });
    await this.evaluateInBrowser(`(() => {
      for (const name of ${JSON.stringify(Object.keys(this.#settings))}) Services.prefs.clearUserPref(name);
      for (const [name, value] of Object.entries(${JSON.stringify(settings)})) {
        const type = { boolean: 'Bool', number: 'Int', string: 'String' }[typeof value];
        Services.prefs['set' + type + 'Pref'](name, value);
      }
    })()`);
    this.#settings = settings;
    const everything = 'Ci.nsIClearDataService.CLEAR_ALL';
    const failed = await this.evaluateInBrowser(
      `new Promise((resolve) => Services.clearData.deleteData(${everything}, { onDataDeleted: resolve }))`,
    );
    if (failed !== 0) throw new Error(`Firefox did not forget everything: ${failed}`);
    await this.evaluateInBrowser('Services.console.reset()');
  }

  async open(url: string): Promise<void> {
    const error = await this.#connection
      .send('browsingContext.navigate', { context: this.#page, url, wait: 'interactive' })
      .then(() => undefined, String);
    // An error page, or a page that was left by its own script, is what the test wants to see.
    if (error !== undefined && !/unknown error/.test(error)) throw new Error(error);
  }

  async address(): Promise<string> {
    return String(await this.evaluateInBrowser('gURLBar.untrimmedValue'));
  }

  evaluate(expression: string): Promise<unknown> {
    return this.#evaluate(this.#page, expression);
  }

  evaluateInBrowser(expression: string): Promise<unknown> {
    return this.#evaluate(this.#browser, expression);
  }

  async messages(): Promise<string[]> {
    return (await this.evaluateInBrowser('Services.console.getMessageArray().map(String)')) as string[];
  }

  async history(): Promise<string[]> {
    const history = 'gBrowser.selectedBrowser.browsingContext.sessionHistory';
    const addresses = `Array.from({ length: ${history}.count }, (_, i) => ${history}.getEntryAtIndex(i).URI.spec)`;
    return (await this.evaluateInBrowser(addresses)) as string[];
  }

  async visited(): Promise<string[]> {
    const places = 'ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs").PlacesUtils';
    const rows = `(await ${places}.promiseDBConnection()).execute("SELECT url FROM moz_places")`;
    return (await this.evaluateInBrowser(`(await ${rows}).map((row) => row.getResultByIndex(0))`)) as string[];
  }

  async type(selector: string, text: string): Promise<void> {
    await this.click(selector);
    const actions = [...text].flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.#perform({ type: 'key', id: 'keyboard', actions });
  }

  async click(selector: string): Promise<void> {
    const element = await this.#find(selector);
    const actions = [
      { type: 'pointerMove', x: 0, y: 0, origin: { type: 'element', element } },
      { type: 'pointerDown', button: 0 },
      { type: 'pointerUp', button: 0 },
    ];
    await this.#perform({ type: 'pointer', id: 'mouse', actions });
  }

  takePicture(): Promise<Buffer> {
    // It fails between two pages.
    return waitUntil('a picture', async () => {
      const { data } = await this.#connection.send<{ data: string }>('browsingContext.captureScreenshot', {
        context: this.#page,
      });
      return Buffer.from(data, 'base64');
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#belongings.disposeAsync();
  }

  #perform(source: object): Promise<void> {
    return this.#connection.send('input.performActions', { context: this.#page, actions: [source] });
  }

  #find(selector: string): Promise<{ sharedId: string }> {
    return waitUntil(`an element ${selector}`, async () => {
      const { nodes } = await this.#connection.send<{ nodes: { sharedId: string }[] }>('browsingContext.locateNodes', {
        context: this.#page,
        locator: { type: 'css', value: selector },
        maxNodeCount: 1,
      });
      return nodes[0] && { sharedId: nodes[0].sharedId };
    });
  }

  async #evaluate(context: string, expression: string): Promise<unknown> {
    const { type, result, exceptionDetails } = await this.#connection.send<Evaluated>('script.evaluate', {
      expression: `(async () => JSON.stringify(await (${expression})))()`,
      target: { context },
      awaitPromise: true,
    });
    if (type === 'exception') throw new Error(exceptionDetails?.text);
    return result?.value === undefined ? undefined : JSON.parse(result.value);
  }
}
