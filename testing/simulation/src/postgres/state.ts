import type { Process } from '../machine/machine.ts';
import { statesOf } from '../state.ts';
import type { ModelServer } from './server.ts';
import { tokenOf, type Witness } from './witness.ts';

/** What a process can be in the midst of, as bits: calls of its store, and statements whose answers it waits for. */
export const doing = {
  get: 1,
  set: 2,
  replace: 2,
  delete: 4,
  changed: 8,
  exclusively: 16,
  task: 32,
  close: 64,
  take: 128,
  renew: 256,
  release: 512,
  write: 1024,
  read: 2048,
  look: 4096,
} as const;
/** Times this: a statement that the server has not done yet, also if nobody waits for it any more. */
export const onItsWay = 64;

const ofServer = (doing.take | doing.renew | doing.release | doing.write) * onItsWay;
/** What other processes are in the midst of, as far as it matters. */
const ofOthers = doing.task | ofServer;
const ofNow = doing.exclusively | doing.task | doing.write | doing.take | ofServer;

interface Place {
  readonly process: Process;
  readonly known: ReadonlyMap<string, string | undefined>;
}

/** What is the case after a step of a process, as `describeState` of shared-token's world says it. */
export function describeState(
  { tables, now, isDown, clockOffsetMs }: ModelServer,
  witness: Witness,
  { process: last, known }: Place,
  places: readonly Place[],
): number[] {
  let others = 0;
  let isOtherStopped = false;
  for (const { process } of places) {
    if (process === last) continue;
    others |= process.doing & ofOthers;
    isOtherStopped ||= process.isStopped;
  }
  const name = 'app';
  const lease = tables.leases.get(name);
  const stored = tables.records.get(name);
  const task = witness.lastTaskOf(last, name);
  const bits = [
    lease === undefined,
    lease?.owner === null,
    (lease?.endsAt ?? 0) < now,
    (lease?.wantedUntil ?? 0) > now,
    task !== undefined && task.owner === lease?.owner,
    task?.hasEnded === true,
    task?.signal.aborted === true,
    task?.isOwing === true,
    known.get(name) !== tokenOf(stored?.record),
    isOtherStopped,
    isDown,
    clockOffsetMs !== 0,
    last.sleptMs > 0,
  ];
  return statesOf(last, { others, ofNow, bits });
}
