import { once } from 'node:events';
import { globSync } from 'node:fs';
import { createServer } from 'node:net';
import { type BrowserProcess, makeProfileFolder, startBrowserProcess } from './browser-process.ts';
import { type BrowserWindow, stepTimeoutMs, waitUntil } from './browser-window.ts';
import { findExecutable, findProgram } from './find-program.ts';

const driverPath = findProgram('WebKitWebDriver');
const screenPath = findProgram('Xvfb');

/** The small browser of WebKitGTK (Debian: `apt install webkit2gtk-driver xvfb`). Undefined if it, its driver or Xvfb is missing. */
export const webKitPath =
  driverPath && screenPath ? findExecutable(globSync('/usr/lib/*/webkit2gtk-4.*/MiniBrowser')) : undefined;

/** Starts WebKit on a screen of its own. Rejects if it is not installed. It accepts certificates of unknown authorities. */
export async function openWebKit(): Promise<BrowserWindow> {
  await using stack = new AsyncDisposableStack();
  const env = await prepare(stack);
  const { port, driver } = await startDriver(env);
  stack.use(driver);
  const { sessionId } = await send<{ sessionId: string }>(port, 'POST', '/session', {
    capabilities: {
      alwaysMatch: {
        acceptInsecureCerts: true,
        'webkitgtk:browserOptions': { binary: webKitPath, args: ['--automation'] },
      },
    },
  });
  const call: Call = (method, path, body) => send(port, method, `/session/${sessionId}${path}`, body);
  // Ends the browser. Its driver does not, if it is ended itself.
  stack.defer(async () => {
    await call('DELETE', '').catch(() => {});
  });
  return new Window(call, stack.move());
}

/** WebKit without automation, in which it writes the console's messages to its output. */
export interface WebKitConsole extends AsyncDisposable {
  /** All that the console has said so far. */
  messages(): string;
}

/** Starts WebKit at an address, only to watch the console. Rejects if it is not installed. */
export async function watchWebKitConsole(url: string): Promise<WebKitConsole> {
  await using stack = new AsyncDisposableStack();
  const env = await prepare(stack);
  const stdbuf = findProgram('stdbuf');
  if (!stdbuf || !webKitPath) throw new Error('there is no stdbuf on PATH');
  // Without stdbuf the messages stay in the browser's buffer.
  const args = ['-oL', webKitPath, '--enable-write-console-messages-to-stdout=true', url];
  const browser = stack.use(startBrowserProcess(stdbuf, args, { env }));
  const belongings = stack.move();
  return { messages: () => browser.output(), [Symbol.asyncDispose]: () => belongings.disposeAsync() };
}

/** Starts an invisible screen, and makes a folder for all that the browser writes. */
async function prepare(stack: AsyncDisposableStack): Promise<NodeJS.ProcessEnv> {
  if (!webKitPath || !screenPath) {
    throw new Error('there is no WebKit, no driver of it, or no Xvfb (Debian: apt install webkit2gtk-driver xvfb)');
  }
  const { folder } = stack.use(makeProfileFolder());
  // It picks a free display and writes the number to the file descriptor 3.
  const screen = startBrowserProcess(
    screenPath,
    ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    },
  );
  stack.use(screen);
  const display = screen.child.stdio[3];
  if (!display) throw new Error('there is no pipe for the number of the display');
  const [number] = await once(display, 'data', { signal: AbortSignal.timeout(stepTimeoutMs) });
  const { WAYLAND_DISPLAY: _, DBUS_SESSION_BUS_ADDRESS: __, ...inherited } = process.env;
  const folders = {
    HOME: folder,
    TMPDIR: folder,
    XDG_CACHE_HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_DATA_HOME: folder,
  };
  return { ...inherited, ...folders, DISPLAY: `:${String(number).trim()}`, GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1' };
}

/** How many free ports to try: another program may take one between the look and the start. */
const maxAttempts = 5;

async function startDriver(env: NodeJS.ProcessEnv): Promise<{ port: number; driver: BrowserProcess }> {
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort();
    const driver = startBrowserProcess(driverPath as string, [`--port=${port}`], { env });
    const isReady = await waitUntil('the driver of WebKit', async () => {
      if (driver.child.exitCode !== null) return 'no';
      const { ready } = await send<{ ready: boolean }>(port, 'GET', '/status');
      return ready && 'yes';
    });
    if (isReady === 'yes' && driver.child.exitCode === null) return { port, driver };
    const { output } = driver;
    await driver[Symbol.asyncDispose]();
    if (attempt === maxAttempts) throw new Error(`the driver of WebKit does not start: ${output()}`);
  }
}

/** The driver cannot tell which port it took, so it gets one. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

type Call = <T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<T>;

/** A command of WebDriver (https://www.w3.org/TR/webdriver2/). */
async function send<T>(port: number, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    signal: AbortSignal.timeout(stepTimeoutMs),
    // The driver refuses any other type.
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const { value } = (await response.json()) as { value: T & { error?: string; message?: string } };
  if (!response.ok) throw new Error(`${method} ${path}: ${value.error} ${value.message ?? ''}`);
  return value;
}

/** The key of an element's id in WebDriver's answers. */
const elementKey = 'element-6066-11e4-a52e-4f735466cecf';

class Window implements BrowserWindow {
  readonly #call: Call;
  readonly #belongings: AsyncDisposableStack;

  constructor(call: Call, belongings: AsyncDisposableStack) {
    this.#call = call;
    this.#belongings = belongings;
  }

  open(url: string): Promise<void> {
    return this.#call('POST', '/url', { url });
  }

  address(): Promise<string> {
    return this.#call('GET', '/url');
  }

  async evaluate(expression: string): Promise<unknown> {
    const script = `return JSON.stringify(${expression})`;
    const json = await this.#call<string | null>('POST', '/execute/sync', { script, args: [] });
    return json === null ? undefined : JSON.parse(json);
  }

  async type(selector: string, text: string): Promise<void> {
    await this.#call('POST', `/element/${await this.#find(selector)}/value`, { text });
  }

  async click(selector: string): Promise<void> {
    await this.#call('POST', `/element/${await this.#find(selector)}/click`, {});
  }

  async takePicture(): Promise<Buffer> {
    // Until two frames are drawn, the picture may be of the page before.
    const script = 'const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(() => done()))';
    await this.#call('POST', '/execute/async', { script, args: [] });
    return Buffer.from(await this.#call<string>('GET', '/screenshot'), 'base64');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#belongings.disposeAsync();
  }

  #find(selector: string): Promise<string> {
    return waitUntil(`an element ${selector}`, async () => {
      const found = await this.#call<Record<string, string>[]>('POST', '/elements', {
        using: 'css selector',
        value: selector,
      });
      return found[0]?.[elementKey];
    });
  }
}
