// Takes about 25 s.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ContractCase, storeProcessContract } from '../src/contract.ts';
import { freePorts } from '../test/process-stores/free-ports.ts';
import { leaseTimeMs } from '../test/process-stores/lease-store.ts';
import { brokenStores } from '../test/process-stores/open-store.ts';

const module = new URL('../test/process-stores/open-store.ts', import.meta.url);
// Without it, a process needs three times as long to start from TypeScript.
process.env.NODE_COMPILE_CACHE = process.env.TEST_COMPILE_CACHE ?? '';

/** The options for a kind of store. Each case has a folder and ports of its own. */
function optionsFor(kind: string, leaseTime = 0) {
  const newPlace = async () => JSON.stringify([kind, mkdtempSync(join(tmpdir(), 'contract-')), await freePorts()]);
  const removePlace = (place: string): void => rmSync(JSON.parse(place)[1], { recursive: true });
  // A defect has to be found within 10 seconds.
  return { module, newPlace, removePlace, leaseTime, deadline: 10_000 };
}

async function cut(place: string): Promise<void> {
  const path = join(JSON.parse(place)[1], 'cut');
  writeFileSync(path, '');
  await delay(100);
  rmSync(path);
}

// A store whose lock ends with its process is in readme.test.ts.
const test = suite('Of processes with a store whose lock is a lease');
for (const { name, run } of storeProcessContract(optionsFor('sound', leaseTimeMs))) test(name, run);
test.run();

async function failureOf(found: ContractCase | undefined): Promise<string> {
  const error = await found?.run().catch((reason: Error) => reason);
  return error?.message ?? 'it passed';
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const contract = suite('The contract for processes');
for (const [kind, { leaseTime, isCut, rounds = 5, fails, says }] of Object.entries(brokenStores)) {
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

contract('has no sentence that no store breaks', () => {
  const cases = storeProcessContract({ module, leaseTime: 1, cut });
  const unbroken = cases.filter(({ name }) => !Object.values(brokenStores).some(({ fails }) => fails.test(name)));
  assert.equal(
    unbroken.map(({ name }) => name),
    [],
  );
});

contract('says why a module cannot be used, and when a case takes too long', async () => {
  assert.throws(() => storeProcessContract({} as never), /^module must be a file or its URL, not undefined$/);
  const [missing] = storeProcessContract({ module: join(tmpdir(), 'missing.js') });
  assert.match(await failureOf(missing), /^process \d+ ended too early \(exit 1\)\n.*Cannot find module.*missing\.js/s);
  const [late] = storeProcessContract({ ...optionsFor('sound', leaseTimeMs), deadline: 5 });
  assert.match(await failureOf(late), /^it was not done within 5 ms\n.*with the seed \d+/);
});

contract.after(() => {
  delete process.env.NODE_COMPILE_CACHE;
});
contract.run();
