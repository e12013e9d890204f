import { rejection, within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { TokenStoreError } from '../src/index.ts';

/** How a call ended. */
export type Attempt = { result: unknown } | { error: TokenStoreError };
/** Rejects never, and waits at most 20 seconds. */
export async function attempt(call: () => Promise<unknown>): Promise<Attempt> {
  try {
    return { result: await within('the call', call()) };
  } catch (error) {
    return { error: error as TokenStoreError };
  }
}

export function assertUnreachable(outcome: Attempt, where: string): void {
  if ('error' in outcome)
    assert.equal([outcome.error.code, outcome.error.reason], ['STORE_OPEN', 'unreachable'], where);
}

/** The error of a call that has to fail. */
export const errorOf = (call: Promise<unknown>): Promise<TokenStoreError> => rejection(call);
