import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Authority, type AuthorityOptions, signInAs, startAuthority } from 'testing-authority';
import type { SqliteTokenStore } from 'token-store-sqlite';
import {
  OneDriveTokenError,
  OneDriveTokenHandler,
  type OneDriveTokenHandlerOptions,
  type TokenEvent,
  type TokenStore,
} from '../src/index.ts';
import { type Ended, runNode, type Started, type StartOptions, startNode } from './node-process.ts';
import { untilTrue } from './until-true.ts';

/** A provider, an empty folder for databases, and handlers that a scripted person signs in through. */
export interface Scene extends AsyncDisposable {
  readonly authority: Authority;
  readonly folder: string;
  readonly dbFilepath: string;
  /** Of all handlers, in the order in which they came. */
  readonly events: TokenEvent[];
  /** How many browser windows were asked for. */
  readonly windows: string[];
  handler(options?: Partial<OneDriveTokenHandlerOptions>): OneDriveTokenHandler;
  /** The options of a handler in another process, as JSON. It may not ask a person. */
  optionsFor(changes?: Partial<OneDriveTokenHandlerOptions>): string;
  /** Resolves with the next event that matches, or one that has come already. */
  until(matches: (event: TokenEvent) => boolean): Promise<void>;
  /** Resolves when a refresh request has reached the provider. */
  untilRefreshing(): Promise<void>;
  /** Runs Node to its end, killing it after 20 s, or `timeout` milliseconds. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv, timeout?: number): Promise<Ended>;
  /** Starts a script of this folder and waits until it says `ready`. It is killed with the scene. */
  start(script: string, args: readonly string[], options?: StartOptions): Promise<Started>;
  /** Puts the end of the stored access token into the past. */
  tokenExpires(store?: TokenStore): Promise<void>;
  /** One sign-in through the scripted browser, on disk. */
  signedIn(options?: Partial<OneDriveTokenHandlerOptions>): Promise<void>;
}

export async function openScene(options?: AuthorityOptions): Promise<Scene> {
  const authority = await startAuthority(options);
  const folder = mkdtempSync(join(tmpdir(), 'handler-'));
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
    until: (matches) => untilTrue(() => events.some(matches)),
    untilRefreshing: () => untilTrue(() => events.some(({ type }) => type === 'refresh-started')),
    run: runNode,
    async start(script, args, startOptions) {
      const path = fileURLToPath(new URL(script, import.meta.url));
      const started = await startNode([path, ...args], startOptions);
      processes.push(started);
      return started;
    },
    async tokenExpires(given) {
      const { openTokenStore } = await import('token-store-sqlite');
      const store = given ?? openTokenStore(dbFilepath);
      const record = await store.get('my-app');
      if (!record) throw new Error('no record to expire');
      await store.set('my-app', { ...record, expiresAt: Date.now() - 1 });
      if (store !== given) (store as SqliteTokenStore).close();
    },
    async signedIn(handlerOptions) {
      await using handler = scene.handler(handlerOptions);
      await handler.signIn();
    },
    async [Symbol.asyncDispose]() {
      for (const started of processes) started.kill();
      await Promise.all(handlers.map((handler) => handler.close()));
      await authority.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return scene;
}

/** The error that a promise rejects with; fails if it resolves. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error) return error;
  throw new Error(`expected an error, not ${error}`);
}

/** The OneDriveTokenError that a promise rejects with; fails if it does not. */
export async function rejection(promise: Promise<unknown>): Promise<OneDriveTokenError> {
  const error = await failure(promise);
  if (error instanceof OneDriveTokenError) return error;
  throw error;
}
