import type { TokenRecord } from 'token-store-kit';
import { inTime } from './in-time.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { describeError, secretsOf } from './shared-token-event.ts';

/**
 * For new tokens that a sign-out has kept out of the store: the provider would go on accepting them. Not if the person has signed in again:
 * some providers end all sign-ins of the person. close() waits for it, and nothing else, because the caller may hold a lock.
 */
export function revokeUnstored(keeper: RecordKeeper, record: TokenRecord): void {
  const revoke = async (): Promise<void> => {
    const isSignedOut = keeper.settings.revoke && !(await keeper.readAny().catch(() => record));
    if (isSignedOut) await revokeSignIn(keeper, record);
  };
  void keeper.beforeClose(revoke());
}

/** Lets `revoke` tell the provider that this sign-in has ended, within `refreshTimeout`. A failure is an event. */
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
