import { setTimeout as delay } from 'node:timers/promises';
import { pause, type TokenStoreError } from 'token-store-kit';

/** Pauses before the repetitions, and before all further ones. */
const pausesMs = [0, 100, 300, 1_000];
const maxPauseMs = 2_000;

/** Failures whose answer was lost, so that the statement may have taken place, and those that the server ended in favor of another. */
const kinds = new WeakMap<object, 'unanswered' | 'conflict'>();

export function noteKind(error: TokenStoreError, kind: 'unanswered' | 'conflict'): void {
  kinds.set(error, kind);
}

export function isUnanswered(error: unknown): boolean {
  return kinds.get(Object(error)) === 'unanswered';
}

/**
 * The one retry policy of this package. Repeats work whose answer was lost (`isRepeated`), since only a repetition finds out what became
 * of it, and work that the server ended in favor of another session's. After a lost answer, an unreachable server may be restarting.
 *
 * `withinMs`: no repetition begins later; a server restarts in about 10 s. `isPatient`: an unreachable server and a locked row may
 * pass, too, if no answer was lost yet.
 */
export async function retry<T>(
  work: (isRepeated: boolean) => Promise<T>,
  { withinMs = 10_000, isPatient = false } = {},
): Promise<T> {
  const end = performance.now() + withinMs;
  let isRepeated = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(isRepeated);
    } catch (error) {
      isRepeated ||= isUnanswered(error);
      const { reason } = Object(error) as Partial<TokenStoreError>;
      const isDown = (isPatient || isRepeated) && reason === 'unreachable';
      const mayPass = kinds.has(Object(error)) || isDown || (isPatient && reason === 'database-locked');
      const pauseMs = pausesMs[attempt] ?? maxPauseMs;
      if (!mayPass || performance.now() + pauseMs > end) throw error;
      await delay(pauseMs);
    }
  }
}

/** Whether the promise has settled within so many milliseconds. Rejects with the reason of a signal that aborts, and for nothing else. */
export function settled(promise: Promise<unknown>, timeoutMs: number, signals: readonly AbortSignal[] = []) {
  return pause(timeoutMs, signals, (wake) => {
    promise.then(wake, wake);
    return () => {};
  });
}
