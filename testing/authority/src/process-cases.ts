import { existsSync } from 'node:fs';
import type { Test } from 'uvu';

interface ProcessCase {
  readonly name: string;
  run(): Promise<void>;
}

/** Tests the cases of `storeProcessContract`, whose processes start faster with what the others have compiled. */
export function testProcesses(test: Test, cases: readonly ProcessCase[]): void {
  test.before(() => {
    process.env.NODE_COMPILE_CACHE = process.env.TEST_COMPILE_CACHE ?? '';
  });
  test.after(() => {
    delete process.env.NODE_COMPILE_CACHE;
  });
  for (const { name, run } of cases) test(name, run);
  test.run();
}

/** In memory, if there is such a folder: what processes do to each other needs no disk. */
export const folderInMemory = existsSync('/dev/shm') ? '/dev/shm' : undefined;

/** For a long test: many histories. The environment variables SEED and ROUNDS repeat what it has printed. */
export function manyHistories(usualRounds: number): { names: number; rounds: number; seed: number } {
  const names = 16;
  const rounds = Number(process.env.ROUNDS ?? usualRounds);
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
  console.log(`measured: ${2 * names * rounds} histories of 200 calls, SEED=${seed} ROUNDS=${rounds}`);
  return { names, rounds, seed };
}
