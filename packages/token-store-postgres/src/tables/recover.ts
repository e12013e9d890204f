import { setTimeout as delay } from 'node:timers/promises';
import type { TokenStoreError } from 'token-store-kit';
import { isUnanswered } from '../connection/database.ts';

/** After a lost answer: when the database is asked what became of the statement. A restart takes about so long. */
const recoveryDelaysMs = [0, 100, 300, 1_000, 2_000];

/** The result of `work`. `isRepeated`: the answer of an earlier try was lost, so that it may have taken place. */
export interface Recovered<T> {
  readonly result: T;
  readonly isRepeated: boolean;
}

/** Does the work, and again if its answer was lost, for as long as a restart takes: a repetition finds out what became of it. */
export async function runOrRecover<T>(work: () => Promise<T>): Promise<Recovered<T>> {
  try {
    return { result: await work(), isRepeated: false };
  } catch (error) {
    if (!isUnanswered(error)) throw error;
  }
  for (let attempt = 0; ; attempt++) {
    await delay(recoveryDelaysMs[attempt]);
    try {
      return { result: await work(), isRepeated: true };
    } catch (error) {
      const mayPass = isUnanswered(error) || (error as Partial<TokenStoreError>).reason === 'unreachable';
      if (!mayPass || attempt === recoveryDelaysMs.length - 1) throw error;
    }
  }
}
