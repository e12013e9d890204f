import type { TokenRecord } from 'token-store-kit';
import { inTime } from './in-time.ts';
import type { Settings } from './options.ts';
import { describeError, type Emit, secretsOf } from './shared-token-event.ts';

/** What a revocation needs. */
interface Revoker {
  readonly settings: Settings;
  readonly emit: Emit;
  readonly outside: <T>(call: () => T) => T;
}

/**
 * Revokes new tokens that a sign-out has kept out of the store: the provider would still accept them. Does nothing if anything is stored:
 * a revocation at some providers ends all sign-ins of the person.
 */
export async function revokeUnstored(
  stored: Revoker & { read(): Promise<unknown> },
  record: TokenRecord,
): Promise<void> {
  if (!stored.settings.revoke) return;
  const isSignedOut = await stored.read().then(
    (found) => !found,
    () => false,
  );
  if (isSignedOut) await revokeSignIn(stored, record);
}

/** Calls `revoke` for this sign-in, with the deadline `refreshTimeout`. A failure becomes an event. */
export async function revokeSignIn({ settings, emit, outside }: Revoker, record: TokenRecord): Promise<void> {
  const { revoke, refreshTimeout } = settings;
  const limit = new AbortController();
  const stop = (): unknown => {
    limit.abort(new DOMException(`revoke took longer than ${refreshTimeout} ms (refreshTimeout)`, 'TimeoutError'));
    return limit.signal.reason;
  };
  try {
    const revoked = outside(async () => revoke?.({ ...record }, { signal: limit.signal }));
    await inTime(refreshTimeout, revoked, stop);
  } catch (error) {
    emit({ type: 'revoke-failed', error: describeError(error, secretsOf(record)) }, error);
  }
}
