import type { History } from './history.ts';
import { doing } from './machine/doing.ts';
import type { Process } from './machine/machine.ts';

/** What other processes are in the midst of, as far as it matters. */
const ofOthers = doing.holdLock | doing.refresh | doing.askPerson | doing.signOut;
/** Reads count as one, and so do writes: the second number has room for little. */
const ofNow =
  doing.read |
  doing.write |
  doing.onItsWay |
  doing.holdLock |
  doing.refresh |
  doing.askPerson |
  doing.force |
  doing.signOut;
const ofKnown = 2 ** 30;

/**
 * What is the case after a step of a process, as two numbers: what it is in the midst of, beside others; and what it knows of its token,
 * beside what it is in the midst of. A state that few schedules come to is worth going on from.
 */
export function describeState(history: History, last: Process | undefined): number[] {
  if (!last) return [];
  const { machine, stored: records, instances, accesses } = history;
  const instance = instances.find(({ process }) => process === last);
  if (!instance) return [];
  let others = 0;
  for (const { process } of instances) if (process !== last && !process.isDead) others |= process.doing & ofOthers;
  const stored = records.get(instance.name);
  const given = accesses.get(instance.given?.accessToken ?? '');
  const access = accesses.get(stored?.accessToken ?? '');
  const bits = [
    given === undefined,
    given !== access,
    given !== undefined && access !== undefined && given.family !== access.family,
    given !== undefined && access !== undefined && given.generation > access.generation,
    stored === undefined,
    stored?.refusedAt !== undefined,
    history.refreshCalls.some((call) => call.instance === instance && (call.retryAtMs ?? 0) > machine.now),
    instance.triedSignOuts.length > 0,
    instance.hasSaidStoreFailed,
    last.wallOffsetMs !== 0,
    (given?.expiresAt ?? Number.POSITIVE_INFINITY) <= last.wallNow,
    given !== undefined && given.storedAt === undefined,
    (last.doing & doing.read) !== 0 && history.lastRead.get(last) !== stored,
  ];
  return statesOf(last, { others, ofNow, bits });
}

/** What a process is in the midst of, beside others; and `bits`, beside `ofNow` of what it is in the midst of. */
export function statesOf(
  { doing }: Process,
  { others, ofNow, bits }: { others: number; ofNow: number; bits: readonly boolean[] },
): number[] {
  let known = 0;
  for (const bit of bits) known = 2 * known + Number(bit);
  return [combine(doing, others), combine(doing & ofNow, known) + ofKnown];
}

/** Different for different pairs, as far as the numbers that come here go. */
function combine(one: number, other: number): number {
  return (Math.imul(one, 0x9e3779b1) ^ Math.imul(other, 0x85ebca6b)) >>> 2;
}
