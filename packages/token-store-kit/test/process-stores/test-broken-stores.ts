import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ContractCase, storeProcessContract } from '../../src/contract.ts';
import { freePorts } from './free-ports.ts';
import { brokenStores } from './open-store.ts';

// Without it, a process needs three times as long to start from TypeScript.
process.env.NODE_COMPILE_CACHE = process.env.TEST_COMPILE_CACHE ?? '';

/** The options for a kind of store. Each case has a folder and ports of its own. */
export function optionsFor(kind: string, leaseTime = 0) {
  const module = new URL('./open-store.ts', import.meta.url);
  const newPlace = async () => JSON.stringify([kind, mkdtempSync(join(tmpdir(), 'contract-')), await freePorts()]);
  const removePlace = (place: string): void => rmSync(JSON.parse(place)[1], { recursive: true });
  // A defect has to be found within 10 seconds.
  return { module, newPlace, removePlace, leaseTime, deadline: 10_000 };
}

export async function cut(place: string): Promise<void> {
  const path = join(JSON.parse(place)[1], 'cut');
  writeFileSync(path, '');
  await delay(100);
  // Another cut, of another process, may have ended before.
  rmSync(path, { force: true });
}

export async function failureOf(found: ContractCase | undefined): Promise<string> {
  const error = await found?.run().catch((reason: Error) => reason);
  return error?.message ?? 'it passed';
}

export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The short tests have a kind of defect each, and the long ones the others. */
export function testBrokenStores(isLong: boolean): void {
  const contract = suite('The contract for processes');
  for (const [kind, { leaseTime, isCut, rounds = 5, fails, says, ...broken }] of Object.entries(brokenStores)) {
    if (isLong !== (broken.isLong ?? false)) continue;
    contract(`catches a store that ${kind}`, async () => {
      const found = storeProcessContract({ ...optionsFor(kind, leaseTime), ...(isCut && { cut }), rounds }).find(
        ({ name }) => fails.test(name),
      );
      // On Windows no process is stopped.
      if (!found && process.platform === 'win32') return;
      const message = await failureOf(found);
      assert.match(message, says, message);
      const pids = [...message.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));
      assert.equal(pids.filter(isRunning), [], 'processes are left behind');
    });
  }
  contract.after(() => {
    delete process.env.NODE_COMPILE_CACHE;
  });
  contract.run();
}
