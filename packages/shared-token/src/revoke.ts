import type { TokenRecord } from 'token-store-kit';
import { inTime } from './in-time.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { describeError, secretsOf } from './shared-token-event.ts';

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
