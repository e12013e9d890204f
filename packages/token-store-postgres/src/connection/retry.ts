import { setTimeout as delay } from 'node:timers/promises';
import type { TokenStoreError } from 'token-store-kit';
import { poolEnded } from './database-error.ts';

/** The limit of 10 s that users are promised, less a margin: timers of a busy process fire late. */
const callTimeoutMs = 9_500;
/** How long the first try waits for the answer to a statement. Each further try waits twice as long, on a new connection. */
const firstAnswerMs = 2_000;
/** Pauses before the first retries, and then before each further one. */
const pausesMs = [0, 100, 300, 1_000];
const maxPauseMs = 2_000;

/** Errors after which the server may have run the statement, because an answer was lost. */
export const unanswered = new WeakSet<object>();

/** The deadline of a call, by `performance.now()`. Each wait, try and pause of the call gets it, so that none starts a limit of its own. */
export function deadlineIn(milliseconds = callTimeoutMs): number {
  return performance.now() + milliseconds;
}

/** How long one try of a call may take. */
export interface Limits {
  readonly deadline: number;
  /** For the answer to one statement. */
  readonly answerMs: number;
}

export interface RetryOptions {
  /** Default: the deadline of a call that begins now. */
  readonly deadline?: number;
  /** Retries also if the server is unreachable or a row is locked. Default: if unreachable, only after a lost answer, as in a restart. */
  readonly isPatient?: boolean;
  /** Whether a try has no deadline. Then only connecting and each single statement have a limit. */
  readonly isUnhurried?: boolean;
  /** Whether a pending retry does not keep the process alive. */
  readonly isBackground?: boolean;
}

export const unhurried: Limits = { deadline: Number.POSITIVE_INFINITY, answerMs: 10_000 };

/** The only retry policy of this package. Work whose answer was lost is repeated, because only a retry finds out whether it was done. */
export async function retry<T>(
  work: (limits: Limits) => Promise<T>,
  { deadline = deadlineIn(), isPatient = false, isUnhurried = false, isBackground = false }: RetryOptions = {},
): Promise<T> {
  let isLost = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(isUnhurried ? unhurried : { deadline, answerMs: firstAnswerMs * 2 ** attempt });
    } catch (error) {
      const failure = error as TokenStoreError;
      isLost ||= unanswered.has(failure);
      const isDown = failure.reason === 'unreachable' && !failure.message.includes(poolEnded) && (isPatient || isLost);
      // serialization_failure or deadlock_detected: the server ended the statement in favor of another session's.
      const isConflict = /^40(001|P01)$/.test(Object(failure.cause).code);
      const mayPass = isDown || isConflict || (failure.reason === 'database-locked' && isPatient);
      const pauseMs = pausesMs[attempt] ?? maxPauseMs;
      if (!mayPass || performance.now() + pauseMs >= deadline) {
        // Even if the last try failed for certain: an earlier one may have been done.
        if (isLost) unanswered.add(failure);
        throw failure;
      }
      await delay(pauseMs, undefined, { ref: !isBackground });
    }
  }
}
