import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

/** For a caller that may have given up since its turn has come. */
export function unlessAborted<T>(task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): typeof task {
  return (lock) => {
    options?.signal?.throwIfAborted();
    return task(lock);
  };
}

/**
 * What the contract uses of a store, in a folder, for the processes of a machine. Its lock is a port that its holder listens to: that
 * ends with its process. Another one is for each `replace`.
 */
export class PortStore implements Pick<TokenStore, 'get' | 'set' | 'replace' | 'delete' | 'exclusively'> {
  protected readonly queue = new CallerQueue();
  readonly #folder: string;
  readonly #ports: readonly [forTasks: number, forWrites: number];

  constructor(folder: string, ports: readonly [forTasks: number, forWrites: number]) {
    this.#folder = folder;
    this.#ports = ports;
  }

  get(name: string): MaybePromise<TokenRecord | undefined> {
    return this.recordOf(name);
  }

  set(name: string, record: TokenRecord): MaybePromise<void> {
    return this.withPort(1, () => this.write(name, record));
  }

  async replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    return this.withPort(1, () => {
      if (this.recordOf(name)?.refreshToken !== previous) return false;
      this.write(name, record);
      return true;
    });
  }

  delete(name: string): MaybePromise<boolean> {
    return this.withPort(1, () => this.remove(name));
  }

  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    const run = unlessAborted(task, options);
    return this.queue.run(name, (lock) => this.withPort(0, () => run(lock)), options);
  }

  async withPort<T>(which: 0 | 1, task: () => MaybePromise<T>): Promise<T> {
    const server = createServer();
    for (let isOpen = false; !isOpen; ) {
      const opened = once(server, 'listening').then(() => true);
      server.listen({ host: '127.0.0.1', port: this.#ports[which], exclusive: true });
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

  recordOf(name: string): TokenRecord | undefined {
    return this.read(name) as TokenRecord | undefined;
  }

  read(name: string): unknown {
    try {
      return JSON.parse(readFileSync(this.path(name), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return undefined;
    }
  }

  write(name: string, value: unknown): void {
    const draft = this.path(`${name}-${process.pid}`);
    writeFileSync(draft, JSON.stringify(value));
    renameSync(draft, this.path(name));
  }

  remove(name: string): boolean {
    const isThere = existsSync(this.path(name));
    rmSync(this.path(name), { force: true });
    return isThere;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }
}
