import { ScriptedBrowser } from 'testing-authority';
import { within } from 'testing-authority/within';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { createMcpFetch, type McpFetchOptions } from '../src/index.ts';
import { AuthorizationServer } from './authorization-server.ts';
import { TestMcpServer } from './mcp-server.ts';
import { type Sdk, sdks, type TestClient } from './sdks.ts';

/** An MCP server, its authorization server, and a store. Each of the fetches is like a process of its own. */
type McpFetch = ReturnType<typeof createMcpFetch>;

export class McpScene implements AsyncDisposable {
  readonly authorizationServer: AuthorizationServer;
  readonly server: TestMcpServer;
  readonly sdk: Sdk;
  readonly store = new MemoryStore();
  /** The addresses of the browser windows that were asked for. */
  readonly windows: URL[] = [];
  /** What the person and the browser do with an address. Default: the person agrees. */
  browse: (url: string) => unknown = (url) => new ScriptedBrowser().open(url);
  readonly #cleanup = new AsyncDisposableStack();

  constructor(authorizationServer: AuthorizationServer, server: TestMcpServer, sdk: Sdk) {
    this.authorizationServer = this.#cleanup.use(authorizationServer);
    this.server = this.#cleanup.use(server);
    this.sdk = sdk;
  }

  /** Like a new process. */
  open(options: Partial<McpFetchOptions> = {}): McpFetch {
    const openBrowser = (url: string): unknown => {
      this.windows.push(new URL(url));
      return this.browse(url);
    };
    const { store, server } = this;
    const access = createMcpFetch({ sdk: this.sdk.sdk, serverUrl: server.url, store, openBrowser, ...options });
    this.#cleanup.use(access.shared);
    return access;
  }

  /** Connects, within 10 s. */
  async connect({ fetch }: McpFetch = this.open()): Promise<TestClient> {
    const client = await within('its end', this.sdk.connect(this.server.url, fetch));
    this.#cleanup.defer(() => client.close());
    return client;
  }

  /** Calls a tool, with a client of its own if there is none. The name of the tool is its result. */
  async call(tool = 'greet', client?: TestClient): Promise<unknown> {
    const { content } = await within('the call', (client ?? (await this.connect())).callTool({ name: tool }));
    return (content as { text: string }[])[0]?.text;
  }

  /** The stored sign-in. Fails if there is none. */
  get record() {
    const record = this.store.records.get(this.server.url);
    if (!record) throw new Error('nothing is stored');
    return record;
  }

  /** The scopes that the windows asked for. */
  get asked(): (string | null)[] {
    return this.windows.map(({ searchParams }) => searchParams.get('scope'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }
}

/** Lets each `AbortSignal.timeout()` of that length fire after 50 ms. */
export function shortenTimeout(long: number): Disposable {
  const { timeout } = AbortSignal;
  AbortSignal.timeout = (limitMs) => timeout.call(AbortSignal, limitMs === long ? 50 : limitMs);
  return { [Symbol.dispose]: () => Object.assign(AbortSignal, { timeout }) };
}

export async function openMcpScene(sdk: Sdk = sdks[2]): Promise<McpScene> {
  const authorizationServer = await AuthorizationServer.start();
  return new McpScene(authorizationServer, await TestMcpServer.start(authorizationServer), sdk);
}
