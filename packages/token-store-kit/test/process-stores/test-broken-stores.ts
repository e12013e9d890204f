import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ContractCase, storeProcessContract } from '../../src/contract.ts';
import { Slots } from '../../src/index.ts';
import { maxDelayMs } from '../../src/pause.ts';
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
  const broken = Object.entries(brokenStores).filter(([, each]) => isLong === (each.isLong ?? false));
  // Two at once, because some wait for seconds.
  const slots = new Slots(2);
  const failures = new Map<string, Promise<string>>();
  contract.before(() => {
    for (const [kind, { leaseTime, isCut, rounds = 5, fails }] of broken) {
      const options = { ...optionsFor(kind, leaseTime), ...(isCut && { cut }), rounds };
      const found = storeProcessContract(options).find(({ name }) => fails.test(name));
      // On Windows no process is stopped.
      if (!found && process.platform === 'win32') continue;
      const failure = slots.acquire(maxDelayMs).then(() => failureOf(found));
      failures.set(
        kind,
        failure.finally(() => slots.release()),
      );
    }
  });
  for (const [kind, { says }] of broken) {
    contract(`catches a store that ${kind}`, async () => {
      const message = await failures.get(kind);
      if (message === undefined) return;
      assert.match(message, says, message);
      assert.match(message, /\n[\d.]+( to [\d.]+)? ms: process \d+ /, 'it shows no calls');
      const pids = [...message.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));
      assert.equal(pids.filter(isRunning), [], 'processes are left behind');
    });
  }
  contract.after(() => {
    delete process.env.NODE_COMPILE_CACHE;
  });
  contract.run();
}
