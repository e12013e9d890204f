import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import * as assert from 'uvu/assert';
import { openTokenStore, type SqliteTokenStore, type TokenStoreError } from '../src/index.ts';
import { startProgram } from './start-program.ts';

export function newStore(): SqliteTokenStore {
  return openTokenStore(join(temporaryDirectory(), 'tokens.db'));
}

/** A process that holds the lock of `name`. `before`: a tool that starts it. */
export async function holder(
  store: SqliteTokenStore,
  name = 'app',
  milliseconds = 30_000,
  before: readonly string[] = [],
): Promise<Program> {
  const program = startProgram('hold', [store.path, name, milliseconds], before);
  assert.is(await program.line(), 'asks');
  assert.is(await program.line(), 'holds');
  return program;
}

/** A process that waits for the lock of `app`, as the next to have it if no other one waits. */
export async function waiter(store: SqliteTokenStore, milliseconds = 0, timeout = 30_000): Promise<Program> {
  const program = startProgram('hold', [store.path, 'app', milliseconds, timeout]);
  assert.is(await program.line(), 'asks');
  await until(() => isWaitedFor(store));
  return program;
}

/** Whether a caller waits for a lock of this database. */
export function isWaitedFor(store: SqliteTokenStore): boolean {
  const files = filesBeside(store);
  // While the gate is being made, its draft is there as well.
  return files.some((file) => file.endsWith('-gate')) && !files.some((file) => file.startsWith('token-store-sqlite-'));
}

export const filesBeside = (store: SqliteTokenStore): string[] => readdirSync(join(store.path, '..'));
export const busyBecauseOf =
  (program: Program) =>
  (error: TokenStoreError): void => {
    assert.is(error.code, 'STORE_BUSY');
    assert.is(error.pid, program.pid);
    assert.match(error.message, `process ${program.pid} holds the lock of "app"`);
  };
export const neverRuns = (): Promise<never> => Promise.reject(new Error('the task ran'));
