import type { TokenRecord } from '../token-record.ts';

/** A call of a process to its store, or a signal to the process. Times are those of `now`. */
export interface Call {
  readonly pid: number;
  /** `acquire` is the beginning of a task of `exclusively`, `release` its end. */
  readonly kind: 'get' | 'set' | 'replace' | 'delete' | 'acquire' | 'release' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';
  /** Of the record and the lock. */
  readonly name: string;
  /** The task to which the call belongs, if any: the pid, a slash and a number. */
  readonly task?: string | undefined;
  /** Of `replace`. */
  readonly previous?: string | undefined;
  /** The token that the call writes. No two calls write the same. */
  readonly token?: string;
  /** Of `release`: whether the store has reported that the lock was lost. */
  readonly isLost?: boolean;
  readonly start: number;
  /** Missing without an answer, for example if the process was killed: then the call may have happened, or may still happen. */
  readonly end?: number;
  /** The token that `get` found, or what `replace` or `delete` returned, or `lockLost`, or `gaveUp` if the wait for the lock was ended. */
  readonly result?: Result;
}

export type Result = string | boolean | undefined;
export const lockLost = 'lock-lost';
export const gaveUp = 'gives up';

/** The work of one process: calls for each of the names, for all of them at the same time. */
export interface Run {
  readonly names: readonly string[];
  /** For each name. */
  readonly calls: number;
  readonly seed: number;
  /** The file that gets a line before each call and after it. A kill of the process loses no written line. */
  readonly log: string;
  /** The longest that a call may take, in milliseconds. */
  readonly limitMs: number;
  /** Whether calls may reject as `unreachable`. Then it is unknown whether the call has happened. */
  readonly isCut: boolean;
  /** If set, one task for the first name takes so long, in milliseconds, and the parent is told when it has begun. */
  readonly taskMs?: number | undefined;
}

/** Exit status of a process that has made its calls. Not 0, with which the code of a store would mostly end the process. */
export const doneStatus = 77;

/** A clock that all processes of a machine share, in nanoseconds. */
export function now(): number {
  return Number(process.hrtime.bigint());
}

/** Numbers from 0 to 1 that depend on the seed alone. */
export function randomFrom(seed: number): () => number {
  let drawn = seed;
  return () => {
    drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
    return drawn / 2 ** 32;
  };
}

/** The record with this refresh token. Each tenth record is so long that a kill can hit the middle of its write. */
export function recordOf(refreshToken: string): TokenRecord {
  const count = Number.parseInt(refreshToken, 10);
  return { refreshToken, accessToken: refreshToken.repeat(count % 10 === 0 ? 500 : 2), expiresAt: count };
}
