import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Program } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import * as assert from 'uvu/assert';
import { type FileTokenStore, openFileTokenStore, type TokenStoreError } from '../src/index.ts';
import { startProgram } from './start-program.ts';

export function newStore(folder = ''): FileTokenStore {
  const directory = join(temporaryDirectory(), folder);
  mkdirSync(directory, { recursive: true });
  return openFileTokenStore(join(directory, 'tokens.json'));
}

/** A process that holds the lock of `app`. `before`: a tool that starts it. */
export async function holder(store: FileTokenStore, milliseconds = 30_000, before: string[] = []): Promise<Program> {
  const program = startProgram('hold', [store.path, 'app', milliseconds], before);
  assert.is(await program.line(), 'asks');
  assert.is(await program.line(), 'holds');
  return program;
}

/** A process that has joined the queue. */
export async function waiter(store: FileTokenStore, milliseconds = 0, timeout = 30_000): Promise<Program> {
  const program = startProgram('hold', [store.path, 'app', milliseconds, timeout]);
  assert.is(await program.line(), 'asks');
  const place = new RegExp(`-[0-9a-z]{6}-${program.pid?.toString(36)}\\.`);
  let hasEnded = false;
  const note = (): void => {
    hasEnded = true;
  };
  program.ended.then(note, note);
  // On a busy machine, an impatient one may have left before this process looks.
  await until(() => hasEnded || lockNames(store).some((name) => place.test(name)));
  return program;
}

export function lockNames(store: FileTokenStore): string[] {
  return filesBeside(store).includes('tokens.json-locks') ? readdirSync(`${store.path}-locks`) : [];
}

export const filesBeside = (store: FileTokenStore): string[] => readdirSync(dirname(store.path));

/** Whether an error is the STORE_BUSY of a lock that this process has. */
export function assertBusy(error: unknown, program: Program): void {
  const { code, pid, message } = error as TokenStoreError;
  assert.equal([code, pid], ['STORE_BUSY', program.pid], message);
  assert.match(message, `process ${program.pid} holds the lock of "app"`);
}
