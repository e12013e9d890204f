import type { TokenRecord } from '../token-record.ts';

/** What a process has asked of its store, or what happened to it. Times are those of `now`. */
export interface Call {
  readonly pid: number;
  /** `acquire` is the begin of a task of `exclusively`, `release` its end. */
  readonly kind: 'get' | 'set' | 'replace' | 'delete' | 'acquire' | 'release' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';
  /** Of the record and the lock. */
  readonly name: string;
  /** The task that it belongs to, if any: the pid, a slash and a number. */
  readonly task?: string | undefined;
  /** Of `replace`. */
  readonly previous?: string | undefined;
  /** What it writes. No two write the same. */
  readonly token?: string;
  /** Of `release`: whether the store has said that the lock was lost. */
  readonly isLost?: boolean;
  readonly start: number;
  /** Without it, nobody knows whether it has happened, or will: its process was killed, for example. */
  readonly end?: number;
  /** What `get` has found, what `replace` and `delete` have returned, or that the store has said `lock-lost`, or ended the wait for it. */
  readonly result?: Result;
}

export type Result = string | boolean | undefined;
export const lockLost = 'lock-lost';
export const gaveUp = 'gives up';

/** What a process is told to do: calls for each of the names, at the same time. */
export interface Run {
  readonly names: readonly string[];
  /** For each name. */
  readonly calls: number;
  readonly seed: number;
  /** The file that gets a line before each call and after it. What is in a file stays if its process is killed. */
  readonly log: string;
  /** The longest that a call may take, in milliseconds. */
  readonly limitMs: number;
  /** Whether the store may say that it is unreachable: then nobody knows whether the call has happened. */
  readonly isCut: boolean;
  /** If set, one task for the first name takes so long, in milliseconds, and the parent is told when it has begun. */
  readonly taskMs?: number | undefined;
}

/** How a process ends that has made its calls. A store may end it as well, and then mostly with 0. */
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

/** The record with this refresh token. Each tenth is so long that a store may be killed in the middle of it. */
export function recordOf(refreshToken: string): TokenRecord {
  const count = Number.parseInt(refreshToken, 10);
  return { refreshToken, accessToken: refreshToken.repeat(count % 10 === 0 ? 500 : 2), expiresAt: count };
}
