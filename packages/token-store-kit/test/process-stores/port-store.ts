import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CallerQueue,
  type ExclusivelyOptions,
  type Lock,
  type MaybePromise,
  type TokenRecord,
  type TokenStore,
} from '../../src/index.ts';

/** What the processes of the contract use. */
export type StoreOfProcesses = Pick<TokenStore, 'get' | 'set' | 'replace' | 'exclusively'>;

/** One record in a folder, for the processes of a machine. Its lock is a port that its holder listens to: that ends with its process. */
export class PortStore implements StoreOfProcesses {
  protected readonly queue = new CallerQueue();
  readonly #folder: string;
  readonly #port: number;

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  get(_name: string): TokenRecord | undefined {
    return this.read('record') as TokenRecord | undefined;
  }

  set(_name: string, record: TokenRecord): MaybePromise<void> {
    this.write('record', record);
  }

  replace(name: string, previous: string | undefined, record: TokenRecord): MaybePromise<boolean> {
    if (this.get(name)?.refreshToken !== previous) return false;
    this.write('record', record);
    return true;
  }

  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    return this.queue.run(name, (lock) => this.withPort(() => task(lock)), options);
  }

  async withPort<T>(task: () => MaybePromise<T>): Promise<T> {
    const server = createServer();
    for (let isOpen = false; !isOpen; ) {
      const opened = once(server, 'listening').then(() => true);
      server.listen({ host: '127.0.0.1', port: this.#port, exclusive: true });
      isOpen = await opened.catch((error) => {
        if (error.code !== 'EADDRINUSE') throw error;
        return false;
      });
      if (!isOpen) await delay(3);
    }
    try {
      return await task();
    } finally {
      server.close();
      await once(server, 'close');
    }
  }

  read(file: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.#folder, file), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return undefined;
    }
  }

  write(file: string, value: unknown): void {
    const draft = join(this.#folder, `${file}-${process.pid}`);
    writeFileSync(draft, JSON.stringify(value));
    renameSync(draft, join(this.#folder, file));
  }
}
