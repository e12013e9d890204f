import type { TokenRecord } from 'token-store-kit';
import type { Settings } from './options.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { type SharedTokenError, type SignInReason, signInRequired } from './shared-token-error.ts';
import type { UsableRecord } from './token-response.ts';
import { toAccessToken } from './usable-token.ts';

/** A token, for callers. */
export interface Obtained {
  readonly type: 'token';
  readonly record: UsableRecord;
  /** Access tokens that are older, whatever the clocks of two computers say: those that were held, read or refreshed on the way to this one. */
  readonly replaced: readonly (string | undefined)[];
}

/** The result of getting a token without asking a person. */
export type SilentOutcome =
  | Obtained
  /** A person has to sign in. `record`: the stored record, which cannot be used. */
  | { type: 'sign-in'; error: SharedTokenError; reason: SignInReason; record: TokenRecord | undefined }
  /** `bridge`: a record with a token that is still valid, although it should have been refreshed. */
  | { type: 'failed'; error: unknown; bridge: UsableRecord | undefined };

export function useStored({ emit }: RecordKeeper, record: UsableRecord, replaced: Obtained['replaced']): Obtained {
  emit({ type: 'stored-token', expiresAt: toAccessToken(record).expiresAt });
  return { type: 'token', record, replaced };
}

export function needSignIn(
  settings: Settings,
  reason: SignInReason,
  record?: TokenRecord,
  cause?: unknown,
): SilentOutcome {
  return { type: 'sign-in', error: signInRequired(reason, settings, cause), reason, record };
}

/** The provider would refuse the refresh token of this record again. */
export function wasRefused(settings: Settings, record: TokenRecord): SilentOutcome {
  return needSignIn(settings, 'refused', record, new Error(record.refusedBecause));
}
