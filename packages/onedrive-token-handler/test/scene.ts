import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Authority, type AuthorityOptions, signInAs, startAuthority } from 'testing-authority';
import {
  OneDriveTokenError,
  OneDriveTokenHandler,
  type OneDriveTokenHandlerOptions,
  type TokenEvent,
} from '../src/index.ts';

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
  /** Resolves with the next event that matches, or one that has come already. */
  until(matches: (event: TokenEvent) => boolean): Promise<void>;
  /** Resolves when a refresh request has reached the provider. */
  untilRefreshing(): Promise<void>;
  /** Runs Node to its end, killing it after 20 s. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended>;
  /** One sign-in through the scripted browser, on disk. */
  signedIn(options?: Partial<OneDriveTokenHandlerOptions>): Promise<void>;
}

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  milliseconds: number;
}

export async function openScene(options: AuthorityOptions = {}): Promise<Scene> {
  const authority = await startAuthority(options);
  const folder = mkdtempSync(join(tmpdir(), 'handler-'));
  const dbFilepath = join(folder, 'tokens.db');
  const events: TokenEvent[] = [];
  const windows: string[] = [];
  const handlers: OneDriveTokenHandler[] = [];
  const scene: Scene = {
    authority,
    folder,
    dbFilepath,
    events,
    windows,
    handler(handlerOptions = {}) {
      const handler = new OneDriveTokenHandler({
        appName: 'my-app',
        clientId: authority.clientId,
        scopes: ['Files.ReadWrite.All'],
        authority: authority.url,
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
    until: (matches) => untilTrue(() => events.some(matches)),
    untilRefreshing: () => untilTrue(() => events.some(({ type }) => type === 'refresh-started')),
    run: runNode,
    async signedIn(handlerOptions) {
      await using handler = scene.handler(handlerOptions);
      await handler.signIn();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(handlers.map((handler) => handler.close()));
      await authority.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return scene;
}

export async function untilTrue(condition: () => boolean, timeout = 10_000): Promise<void> {
  for (const end = performance.now() + timeout; !condition(); ) {
    if (performance.now() > end) throw new Error(`not true within ${timeout} ms: ${condition}`);
    await sleep(10);
  }
}

function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) =>
      resolve({ ...output, status, signal, milliseconds: performance.now() - started }),
    );
  });
}

/** The OneDriveTokenError that a promise rejects with; fails where it doesn't. */
export async function rejection(promise: Promise<unknown>): Promise<OneDriveTokenError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof OneDriveTokenError) return error;
  throw error ?? new Error('expected a OneDriveTokenError, but the promise resolved');
}
