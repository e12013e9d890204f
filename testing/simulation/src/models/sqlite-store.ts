import * as assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lock, TokenRecord, TokenStore } from 'shared-token';
import type { SqliteTokenStore, TokenStoreOptions } from 'token-store-sqlite';
import type { Fact, Holder } from '../facts.ts';
import type { History } from '../history.ts';
import type { NewInstance } from '../machine/load-package.ts';
import type { Process } from '../machine/machine.ts';
import type { StoreUnderTest } from './model-store.ts';

/** token-store-sqlite as it was loaded. */
export interface SqlitePackage {
  openTokenStore(path: string, options?: TokenStoreOptions): SqliteTokenStore;
}

interface Connection {
  close(): void;
}

const Database = createRequire(import.meta.resolve('token-store-sqlite'))('better-sqlite3') as new (
  ...values: unknown[]
) => Connection;

/** A file system in memory, if there is one: nothing here is about a disk. */
const memoryFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A real file of token-store-sqlite, which each process opens with a copy of its modules and with connections of its own. */
export class SqliteProcesses implements StoreUnderTest, Disposable {
  outage = 'none' as const;
  report: (fact: Fact) => void = () => {};
  readonly #history: History;
  readonly #newInstance: NewInstance<SqlitePackage>;
  readonly #folder = mkdtempSync(join(memoryFolder, 'simulation-'));
  readonly #path = join(this.#folder, 'tokens.db');
  readonly #connections = new Set<Connection>();
  readonly #holders = new Map<string, Holder>();
  readonly #outside: SqliteTokenStore;

  constructor(history: History, newInstance: NewInstance<SqlitePackage>) {
    this.#history = history;
    this.#newInstance = newInstance;
    this.#outside = this.#openFile(this.#connections);
  }

  holderOf(name: string): Holder | undefined {
    return this.#holders.get(name);
  }

  write(name: string, record: TokenRecord): void {
    this.#outside.set(name, record);
    this.#wasWritten(name, undefined);
  }

  open(process: Process): TokenStore {
    const connections = new Set<Connection>();
    const store = this.#openFile(connections);
    process.onDeath.push(() => {
      // As the kernel does it: the locks of a process end with it.
      for (const connection of connections) connection.close();
      for (const [name, holder] of this.#holders) if (holder.process === process) this.#holders.delete(name);
    });
    const pass = <T>(call: () => T): T => {
      process.pass();
      const result = call();
      process.pass();
      return result;
    };
    return {
      get: (name) => {
        this.#history.wasRead(process, name);
        return pass(() => store.get(name));
      },
      set: (name, record) =>
        pass(() => {
          store.set(name, record);
          this.#wasWritten(name, process);
        }),
      replace: (name, previous, record) =>
        pass(() => {
          const expected = this.#history.stored.get(name)?.refreshToken === previous;
          assert.equal(
            store.replace(name, previous, record),
            expected,
            'replace() of the file and of the model differ',
          );
          if (expected) this.#wasWritten(name, process);
          return expected;
        }),
      delete: (name) =>
        pass(() => {
          const before = this.#history.stored.get(name);
          assert.equal(store.delete(name), before !== undefined, 'delete() of the file and of the model differ');
          if (before) this.report({ type: 'deleted', name, before, by: process });
          return before !== undefined;
        }),
      list: () => store.list(),
      exclusively: <T>(name: string, task: (lock: Lock) => Promise<T>, options: object = {}): Promise<T> => {
        const askedAt = this.#history.machine.steps;
        const inTask = async (lock: Lock): Promise<T> => {
          const since = this.#history.machine.steps;
          const holder = { process, fence: since, askedAt, since, endsAt: Number.POSITIVE_INFINITY };
          assert.equal(this.#holders.get(name), undefined, 'two processes have the lock of the file');
          this.#holders.set(name, holder);
          try {
            return await task(lock);
          } finally {
            if (this.#holders.get(name) === holder) this.#holders.delete(name);
          }
        };
        return store.exclusively(name, inTask, options);
      },
      changed: (name, options) => store.changed(name, options),
    };
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.close();
    rmSync(this.#folder, { recursive: true });
  }

  #openFile(connections: Set<Connection>): SqliteTokenStore {
    const all = this.#connections;
    class Tracked extends Database {
      constructor(...values: unknown[]) {
        super(...values);
        connections.add(this);
        all.add(this);
      }
    }
    const required = createRequire(import.meta.resolve('token-store-sqlite'));
    const { openTokenStore } = this.#newInstance((id) =>
      id === 'better-sqlite3' ? Object.assign(Tracked, Database) : required(id),
    );
    return openTokenStore(this.#path);
  }

  /** What is in the file now, as a new read gives it. */
  #wasWritten(name: string, by: Process | undefined): void {
    const record = this.#outside.get(name);
    assert.ok(record, 'a record that was written is not in the file');
    this.report({ type: 'written', name, before: this.#history.stored.get(name), record, by });
  }
}
