/** What every token store that processes share has to do, shown by real processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseUnknown } from './check-text.ts';
import type { ContractCase } from './contract-cases/contract-case.ts';
import type { Call } from './process-cases/call.ts';
import { ProcessGroup } from './process-cases/process-group.ts';

/** How the processes get their stores. Times are milliseconds. */
export interface StoreProcessContractOptions {
  /**
   * The file, or its URL, of a module that each process imports. It exports `open(place)`, which returns a store, now or later, and
   * may export `close(store)`, which is called in each process that is not killed. All stores with one place share records and locks.
   */
  module: string | URL;
  /** A new place without records, for one case. Default: the path of a file that does not exist, in a new folder of its own. */
  newPlace?(): string | Promise<string>;
  /** Called with each place when its processes have ended. Default: removes the folder of the default place. */
  removePlace?(place: string): unknown;
  /** For a store that is elsewhere: cuts its connections for a moment. Then it may say that it is `unreachable`. Default: none is cut. */
  cut?(place: string): unknown;
  /** How long the store's lock outlives a process that is killed. Default 0: it ends with its process. */
  leaseTime?: number;
  /** How long a case may take. Default: 60,000 for each round. One takes a few seconds at most, and a few times `leaseTime`. */
  deadline?: number;
  /** For how many names at once calls are made. Each has a history of its own in each round. Default 2. With 8, a history costs less. */
  names?: number;
  /** How many times each case makes such histories. Default 1: four in all. A test that may take its time finds more with 100. */
  rounds?: number;
  /** What calls, pauses and kills depend on, besides the system. Default: another one each time. A failure shows it. */
  seed?: number;
}

async function newPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'store-')), 'store');
}

function removeFolderOf(path: string): Promise<void> {
  return rm(dirname(path), { recursive: true, force: true, maxRetries: 10 });
}

/** A case, with its share of the options. */
type Check = (
  group: ProcessGroup,
  options: { names: number; leaseTime: number; rounds: number; cut(): unknown },
) => Promise<void>;

/** How much longer than the lease a lock may outlive a killed process, in most cases, with two names: the system needs its time as well. */
const freeWithinMs = 1_000;

const cases: Record<string, Check> = {
  'of several processes never two run a task for one name, also if one is stopped for a while, and no update is lost':
    async (group, { leaseTime, rounds }) => {
      await group.start(3);
      const stop = async (pid: number): Promise<void> => {
        await group.pause(group.random() * 10);
        // Mostly before it writes. With a lease, others have the lock soon after its end, and this may end in the middle of their work.
        await group.stop(pid, leaseTime * 1.3 + 20 + group.random() * 50);
      };
      // Windows stops no process.
      for (let round = 0; round < rounds; round++) {
        await (process.platform === 'win32' ? group.run() : group.run(20, stop));
      }
    },

  'a process that is killed frees its lock, at once or after the lease, and leaves the old record or the new one':
    async (group, { names, leaseTime, rounds }) => {
      const kill = async (pid: number): Promise<void> => {
        await group.pause(group.random() * 6);
        await group.kill(pid);
      };
      const waits: number[] = [];
      // A busy machine may kill too late, when the task is over: that shows nothing about the lock.
      for (let round = 0; round < rounds || (waits.length < 2 && round < rounds + 9); round++) {
        // Two of them are killed.
        await group.start(round === 0 ? 5 : 2);
        const histories = await group.run(10, kill);
        waits.push(...histories.flatMap(waitsAfterKills));
      }
      const usual = waits.sort((a, b) => a - b)[Math.ceil(waits.length / 2) - 1] ?? 0;
      if (usual > leaseTime + freeWithinMs * Math.max(1, names / 2)) {
        group.fail(
          `the lock of a killed process was free after ${Math.round(usual)} ms, with a lease of ${leaseTime} ms`,
        );
      }
    },
};

/** For a lock that does not end with its process. */
const leaseCases: Record<string, Check> = {
  'a task that takes longer than the lease keeps its lock': async (group, { leaseTime }) => {
    await group.start(2);
    // A process of a busy machine may come too late to renew it, but not each time.
    for (let attempt = 0; attempt < 3; attempt++) {
      const calls = (await group.run(1.2 * leaseTime)).flat();
      const begins = new Map(calls.map(({ kind, task, end = 0 }) => [kind === 'acquire' ? task : '', end]));
      const lasted = ({ task, end = 0 }: Call): number => (end - (begins.get(task) ?? end)) / 1e6;
      if (calls.some((call) => call.kind === 'release' && !call.isLost && lasted(call) > leaseTime)) return;
    }
    group.fail(`three tasks that took longer than ${leaseTime} ms lost their lock`);
  },
};

/** For a store whose connections can be cut. */
const cutCases: Record<string, Check> = {
  'a call that does not reach the store, or whose answer is lost, has happened once or not at all': async (
    group,
    { rounds, cut },
  ) => {
    await group.start(3);
    const disturb = async (): Promise<void> => {
      await group.pause(group.random() * 30);
      await cut();
    };
    for (let round = 0; round < rounds; round++) await group.run(20, disturb);
  },
};

/** How long after the end of a killed process another one had its lock, in milliseconds. Without those that had none, or that nobody wanted. */
function waitsAfterKills(history: readonly Call[]): number[] {
  return history.flatMap((kill) => {
    const last = history.findLast(
      ({ pid, kind, end }) => pid === kill.pid && (end !== undefined || kind === 'release'),
    );
    if (kill.kind !== 'SIGKILL' || last?.task === undefined || last.kind === 'release') return [];
    const begins = history.filter(({ kind, end = 0 }) => kind === 'acquire' && end > kill.start);
    const [next] = begins.sort((a, b) => (a.end ?? 0) - (b.end ?? 0));
    return next ? [((next.end ?? 0) - Math.max(next.start, kill.start)) / 1e6] : [];
  });
}

/**
 * The cases for a store that several processes share. `storeContract` has those for one process:
 *
 *     const module = new URL('./open-store.ts', import.meta.url);
 *     for (const { name, run } of storeProcessContract({ module })) test(name, run);
 *
 * Each case starts two to five processes, which make calls at the same time, and leaves none behind. The calls for a name, about 200, are
 * a history. Each has to be linearizable. A case that fails says which process did what, and when. On Windows no process is stopped.
 */
export function storeProcessContract(options: StoreProcessContractOptions): ContractCase[] {
  const { module, leaseTime = 0, names = 2, rounds = 1, cut, newPlace = newPath, ...rest } = options;
  const { removePlace = newPlace === newPath ? removeFolderOf : undefined, ...others } = rest;
  const { deadline = 60_000 * rounds, seed = Math.floor(Math.random() * 2 ** 32), ...unknown } = others;
  refuseUnknown(unknown);
  if (module === undefined) throw new TypeError('module must be a file or its URL, not undefined');
  const url = String(module).startsWith('file:') ? String(module) : pathToFileURL(String(module)).href;
  const program = new URL(`store-process${extname(import.meta.url)}`, import.meta.url);
  const checks = { ...cases, ...(leaseTime > 0 && leaseCases), ...(cut && cutCases) };
  return Object.entries(checks).map(([name, check]) => ({
    name,
    run: async () => {
      const place = await newPlace();
      const group = new ProcessGroup({
        program,
        module: url,
        place,
        names,
        leaseTime,
        isCut: name in cutCases,
        deadline,
        seed,
      });
      try {
        await check(group, { names, leaseTime, rounds, cut: () => cut?.(place) });
        await group.end();
      } finally {
        await group.dispose();
        await removePlace?.(place);
      }
    },
  }));
}
