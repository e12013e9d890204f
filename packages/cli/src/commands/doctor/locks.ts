import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreInspection } from 'onedrive-token-handler';
import type { PostgresInspection } from 'token-store-postgres';
import { formatDuration } from '../../settings/duration.ts';
import { Failure } from '../../terminal/failure.ts';

/** A refresh takes less. */
const longestHoldMs = 3000;

/** A lock that is held now. */
interface Held {
  /** Of two looks, the same lock of the same process has the same. */
  readonly id: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Throws a lock that is held for longer than a refresh takes. */
export async function judgeLocks(look: () => Promise<readonly Held[]>): Promise<string> {
  const first = await look();
  if (first.length === 0) return 'no process holds one';
  await sleep(longestHoldMs);
  const later = await look();
  const kept = first.find(({ id }) => later.some((held) => held.id === id));
  if (!kept) return 'no process holds one for long';
  throw new Failure(kept.problem, kept);
}

export function heldInFile({ locks }: StoreInspection): readonly Held[] {
  return locks.map(({ kind, name, pid, program = 'of another namespace', isStopped, since }) => {
    const what = kind === 'database' ? 'the database' : describeLock(name);
    const duration = since === undefined ? '' : ` for ${formatDuration(Date.now() - since)}`;
    return {
      id: `${kind} ${name} ${pid} ${since}`,
      problem: `process ${pid} (${program}${isStopped ? ', stopped' : ''}) holds the lock of ${what}${duration}`,
      remedy: isStopped
        ? `Let it go on: kill -CONT ${pid}. Or end it: kill -KILL ${pid}`
        : `Wait until it is done, or finish its sign-in. If it hangs, end it: kill ${pid}`,
    };
  });
}

export function heldInPostgres({ locks }: PostgresInspection): readonly Held[] {
  return locks.map(({ name, holder }) => ({
    id: `${name} ${holder}`,
    problem: `${holder} holds the lock of ${describeLock(name)}`,
    remedy: 'Wait until it is done, or finish its sign-in. If it hangs, end that process',
  }));
}

/** What a lock of that name is for. */
function describeLock(name: string | undefined): string {
  const [signIn, app] = name?.split('\u001f') ?? [];
  if (signIn === 'sign-in' && app !== undefined) return `a sign-in of ${app}`;
  return `a refresh of ${name ?? 'an app name'}`;
}
