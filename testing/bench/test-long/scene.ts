import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OneDriveTokenHandler, type OneDriveTokenHandlerOptions } from 'onedrive-token-handler';
import { type Authority, signInAs, startAuthority } from 'testing-authority';
import { openTokenStore } from 'token-store-sqlite';

/** An authority, and a database with the tokens of a sign-in. */
export class Scene implements AsyncDisposable {
  readonly authority: Authority;
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
  readonly dbFilepath = join(this.folder, 'tokens.db');
  readonly #handlers: OneDriveTokenHandler[] = [];

  private constructor(authority: Authority) {
    this.authority = authority;
  }

  /** `changes`: changed options of the handler that signs in. */
  static async open(changes: Partial<OneDriveTokenHandlerOptions> = {}): Promise<Scene> {
    const scene = new Scene(await startAuthority());
    try {
      await scene.handler(changes).signIn();
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
    return scene;
  }

  /** The options of a handler on the database, for another process too. */
  get options(): OneDriveTokenHandlerOptions {
    const { clientId, url } = this.authority;
    return {
      appName: 'onedrive-token',
      clientId,
      scopes: ['https://graph.microsoft.com/Files.ReadWrite.All'],
      authority: url,
      dbFilepath: this.dbFilepath,
    };
  }

  /** A new handler on the database. */
  handler(changes: Partial<OneDriveTokenHandlerOptions> = {}): OneDriveTokenHandler {
    const handler = new OneDriveTokenHandler({ ...this.options, openBrowser: signInAs, ...changes });
    this.#handlers.push(handler);
    return handler;
  }

  /** Makes the stored access token expire. */
  expire(): void {
    using store = openTokenStore(this.dbFilepath);
    const record = store.get('onedrive-token');
    if (!record) throw new Error('no record is stored');
    store.set('onedrive-token', { ...record, expiresAt: Date.now() - 1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handler of this.#handlers) await handler.close();
    await this.authority.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end, for at most 30 s. Returns its stdout and its descriptor 3. Throws if it fails. */
export async function run(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<[stdout: string, said: string]> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: { ...process.env, ...env },
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const texts = ['', ''];
  [child.stdio[1], child.stdio[3]].forEach((stream, index) => {
    stream?.on('data', (chunk: Buffer) => {
      texts[index] += chunk.toString();
    });
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${file} ended with ${status}`);
  return [texts[0] ?? '', texts[1] ?? ''];
}
