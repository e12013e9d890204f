import { setTimeout as delay } from 'node:timers/promises';
import type { TokenStoreError } from 'token-store-kit';
import { poolEnded } from './database-error.ts';

/** A call is answered within 10 s: this is less, because a busy process is late. */
const callTimeoutMs = 9_500;
/** For the answer to a statement of the first try; twice as long for that of each further one. Then a fresh connection is tried. */
const firstAnswerMs = 2_000;
/** Pauses before the repetitions, and before all further ones. */
const pausesMs = [0, 100, 300, 1_000];
const maxPauseMs = 2_000;

/** Failures after which the statement may have taken place, because an answer was lost. */
export const unanswered = new WeakSet<object>();

/** The deadline of a call, by `performance.now()`: it is handed down to every wait, try and pause, and no other limit begins anew. */
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
  /** Default: that of a call that begins now. */
  readonly deadline?: number;
  /** Whether an unreachable server and a locked row may pass as well. Default: only a server that may be restarting, after a lost answer. */
  readonly isPatient?: boolean;
  /** Whether a try may take longer than a call: only the connection and each statement have a limit. */
  readonly isUnhurried?: boolean;
  /** Whether a process that has nothing else to do need not wait for a repetition. */
  readonly isBackground?: boolean;
}

export const unhurried: Limits = { deadline: Number.POSITIVE_INFINITY, answerMs: 10_000 };

/** The one retry policy of this package. It repeats work whose answer was lost, since only that finds out what became of it. */
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
      // The server ended it in favor of another session's.
      const isConflict = /^40(001|P01)$/.test(Object(failure.cause).code);
      const mayPass = isDown || isConflict || (failure.reason === 'database-locked' && isPatient);
      const pauseMs = pausesMs[attempt] ?? maxPauseMs;
      if (!mayPass || performance.now() + pauseMs >= deadline) {
        // Whatever became of the last try: an earlier one may have taken place.
        if (isLost) unanswered.add(failure);
        throw failure;
      }
      await delay(pauseMs, undefined, { ref: !isBackground });
    }
  }
}
