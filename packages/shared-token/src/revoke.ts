import type { TokenRecord } from 'token-store-kit';
import { inTime } from './in-time.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { describeError, secretsOf } from './shared-token-event.ts';

/**
 * Revokes new tokens that a sign-out has kept out of the store: the provider would still accept them. Does nothing after a new sign-in,
 * because a revocation at some providers ends all sign-ins of the person. Only close() waits for it, because the caller may hold a lock.
 */
export function revokeUnstored(keeper: RecordKeeper, record: TokenRecord): void {
  const revoke = async (): Promise<void> => {
    const isSignedOut = keeper.settings.revoke && !(await keeper.readAny().catch(() => record));
    if (isSignedOut) await revokeSignIn(keeper, record);
  };
  void keeper.beforeClose(revoke());
}

/** Calls `revoke` for this sign-in, with the deadline `refreshTimeout`. A failure becomes an event. */
export async function revokeSignIn(keeper: RecordKeeper, record: TokenRecord): Promise<void> {
  const { settings, emit, callUserCode } = keeper;
  const { revoke, refreshTimeout } = settings;
  const limit = new AbortController();
  const stop = (): unknown => {
    limit.abort(new DOMException(`revoke took longer than ${refreshTimeout} ms (refreshTimeout)`, 'TimeoutError'));
    return limit.signal.reason;
  };
  try {
    const revoked = callUserCode(async () => revoke?.({ ...record }, { signal: limit.signal }));
    await inTime(refreshTimeout, revoked, stop);
  } catch (error) {
    emit({ type: 'revoke-failed', error: describeError(error, secretsOf(record)) }, error);
  }
}
