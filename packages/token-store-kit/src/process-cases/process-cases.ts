import type { ChildProcess } from 'node:child_process';
import { type Call, gaveUp } from './call.ts';
import type { ProcessGroup } from './process-group.ts';

/** A case. Gets the options of `storeProcessContract` that it needs. */
type ProcessCase = (
  group: ProcessGroup,
  options: { names: number; leaseTime: number; rounds: number; cut?: ((place: string) => unknown) | undefined },
) => Promise<void>;

/** How much longer than the lease the lock of a killed process may last, by the median, with two names: the system takes some time too. */
const freeWithinMs = 1_000;

export const processCases: Record<string, ProcessCase> = {
  'of several processes never two run a task for one name, also if one is stopped for a while, and no update is lost':
    async (group, { leaseTime, rounds }) => {
      const stop = async (child: ChildProcess): Promise<void> => {
        await group.pause(group.random() * 10);
        group.signal(child, 'SIGSTOP');
        // Mostly before the process writes. With a lease, another process has the lock soon after, and this pause may end during its task.
        await group.pause(leaseTime * 1.3 + 20 + group.random() * 50);
        group.signal(child, 'SIGCONT');
      };
      // Windows has no SIGSTOP.
      for (let round = 0; round < rounds; round++) {
        await group.run({ workers: 3, ...(process.platform !== 'win32' && { taskMs: 20, disturb: stop }) });
      }
    },

  'a process that is killed frees its lock, at once or after the lease, and leaves the old record or the new one':
    async (group, { names, leaseTime, rounds }) => {
      const kill = async (child: ChildProcess): Promise<void> => {
        await group.pause(group.random() * 6);
        group.signal(child, 'SIGKILL');
      };
      const waits: number[] = [];
      // On a busy machine, the kill may come after the task, and then shows nothing about the lock.
      for (let round = 0; round < rounds || (waits.length < 2 && round < rounds + 9); round++) {
        const histories = await group.run({ workers: 4, taskMs: 10, disturb: kill });
        waits.push(...histories.flatMap(waitsAfterKills));
      }
      const usual = waits.sort((a, b) => a - b)[Math.ceil(waits.length / 2) - 1] ?? 0;
      if (usual > leaseTime + freeWithinMs * Math.max(1, names / 2)) {
        await group.fail(
          `the lock of a killed process was free after ${Math.round(usual)} ms, with a lease of ${leaseTime} ms`,
        );
      }
    },
};

/** For a lock that does not end with its process. */
export const leaseCases: Record<string, ProcessCase> = {
  'a task that takes longer than the lease keeps its lock': async (group, { leaseTime }) => {
    // On a busy machine, a process may renew its lease too late, but not three times.
    for (let attempt = 0; attempt < 3; attempt++) {
      const calls = (await group.run({ workers: 2, taskMs: 1.2 * leaseTime })).flat();
      if (calls.some((call) => keepsLock(call, { calls, leaseTime }))) return;
    }
    await group.fail(`three tasks that took longer than ${leaseTime} ms lost their lock`);
  },
};

/** For a store whose connections can be cut. */
export const cutCases: Record<string, ProcessCase> = {
  'a call that does not reach the store, or whose answer is lost, has happened once or not at all': async (
    group,
    { rounds, cut },
  ) => {
    const disturb = async (): Promise<void> => {
      await group.pause(group.random() * 30);
      await cut?.(group.place);
    };
    for (let round = 0; round < rounds; round++) await group.run({ workers: 3, taskMs: 20, disturb });
  },
};

/** Whether this call is the end of a task that took longer than the lease and did not lose its lock. */
export function keepsLock(
  { kind, task, isLost, end: released = 0 }: Call,
  { calls, leaseTime }: { calls: readonly Call[]; leaseTime: number },
): boolean {
  if (kind !== 'release' || isLost) return false;
  const begun = calls.find((call) => call.kind === 'acquire' && call.task === task)?.end ?? released;
  return released - begun > leaseTime * 1e6;
}

/** How long the next caller waited for the lock after each kill of its holder, in milliseconds. Omits kills without a next caller. */
export function waitsAfterKills(calls: readonly Call[]): number[] {
  const history = calls.filter(({ result }) => result !== gaveUp);
  return history.flatMap((kill) => {
    const last = history.findLast(
      ({ pid, kind, end }) => pid === kill.pid && (end !== undefined || kind === 'release'),
    );
    if (kill.kind !== 'SIGKILL' || last?.task === undefined || last.kind === 'release') return [];
    const begins = history.flatMap(({ kind, start, end = 0 }) =>
      kind === 'acquire' && end > kill.start ? [{ start, end }] : [],
    );
    const [next] = begins.sort((a, b) => a.end - b.end);
    return next ? [(next.end - Math.max(next.start, kill.start)) / 1e6] : [];
  });
}
