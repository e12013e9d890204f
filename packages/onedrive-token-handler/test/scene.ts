import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Authority, type AuthorityOptions, signInAs, startAuthority } from 'testing-authority';
import { runNode, type Started, type StartOptions, startNode } from 'testing-authority/node-process';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { rejection as failure } from 'testing-authority/within';
import { openTokenStore } from 'token-store-sqlite';
import {
  OneDriveTokenError,
  OneDriveTokenHandler,
  type OneDriveTokenHandlerOptions,
  type TokenEvent,
  type TokenRecord,
} from '../src/index.ts';

export { failure };

/** A provider, an empty folder for databases, and handlers with a scripted browser. */
export interface Scene extends AsyncDisposable {
  readonly authority: Authority;
  readonly folder: string;
  readonly dbFilepath: string;
  /** The events of all handlers, in their order. */
  readonly events: TokenEvent[];
  /** The address of each browser window that a handler asked for. */
  readonly windows: string[];
  handler(options?: Partial<OneDriveTokenHandlerOptions>): OneDriveTokenHandler;
  /** The options of a handler in another process, as JSON, with `interactive: false`. */
  optionsFor(changes?: Partial<OneDriveTokenHandlerOptions>): string;
  /** Resolves when an event matches, or at once if one has matched already. */
  until(matches: (event: TokenEvent) => boolean): Promise<void>;
  /** Resolves when a refresh request has reached the provider. */
  untilRefreshing(): Promise<void>;
  readonly run: typeof runNode;
  /** Starts a script of this folder, and waits until it prints `ready`. The end of the scene kills it. */
  start(script: string, args: readonly string[], options?: StartOptions): Promise<Started>;
  /** Changes the stored record. */
  change(fields: Partial<TokenRecord>): void;
  /** Makes the stored access token expire. */
  tokenExpires(): void;
  /** Signs in with the scripted browser, with a handler that is then closed. */
  signedIn(options?: Partial<OneDriveTokenHandlerOptions>): Promise<void>;
  /** The same, and the access token expires. */
  signedInBefore(options?: Partial<OneDriveTokenHandlerOptions>): Promise<void>;
}

export async function openScene(options?: AuthorityOptions): Promise<Scene> {
  const authority = await startAuthority(options);
  const folder = temporaryDirectory();
  const dbFilepath = join(folder, 'tokens.db');
  const events: TokenEvent[] = [];
  const windows: string[] = [];
  const handlers: OneDriveTokenHandler[] = [];
  const processes: Started[] = [];
  const base = {
    appName: 'my-app',
    clientId: authority.clientId,
    scopes: ['Files.ReadWrite.All'],
    authority: authority.url,
  };
  const scene: Scene = {
    authority,
    folder,
    dbFilepath,
    events,
    windows,
    handler(handlerOptions = {}) {
      const handler = new OneDriveTokenHandler({
        ...base,
        ...(handlerOptions.store ? {} : { dbFilepath }),
        signInTimeout: 10_000,
        requestTimeout: 5_000,
        openBrowser: (url) => {
          windows.push(url);
          return signInAs(url);
        },
        onEvent: (event) => events.push(event),
        ...handlerOptions,
      });
      handlers.push(handler);
      return handler;
    },
    optionsFor: (changes) => JSON.stringify({ ...base, dbFilepath, interactive: false, ...changes }),
    until: (matches) => until(() => events.some(matches)),
    untilRefreshing: () => until(() => events.some(({ type }) => type === 'refresh-started')),
    run: runNode,
    async start(script, args, startOptions) {
      const path = fileURLToPath(new URL(script, import.meta.url));
      const started = await startNode([path, ...args], startOptions);
      processes.push(started);
      return started;
    },
    change(fields) {
      using store = openTokenStore(dbFilepath);
      const record = store.get('my-app');
      if (!record) throw new Error('no record to change');
      store.set('my-app', { ...record, ...fields });
    },
    tokenExpires: () => scene.change({ expiresAt: Date.now() - 1 }),
    async signedIn(handlerOptions) {
      await using handler = scene.handler(handlerOptions);
      await handler.signIn();
    },
    async signedInBefore(handlerOptions) {
      await scene.signedIn(handlerOptions);
      scene.tokenExpires();
    },
    async [Symbol.asyncDispose]() {
      for (const started of processes) started.kill();
      await Promise.all(handlers.map((handler) => handler.close()));
      await authority.close();
    },
  };
  return scene;
}

/** The OneDriveTokenError that a promise rejects with; fails if it does not. */
export async function rejection(promise: Promise<unknown>): Promise<OneDriveTokenError> {
  const error: Error = await failure(promise);
  if (error instanceof OneDriveTokenError) return error;
  throw error;
}
