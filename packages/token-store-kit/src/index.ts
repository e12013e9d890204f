/** Says what an OAuth token record and its store are. */
export { CallerQueue, type LockWait, lockHeldError, type QueueOptions } from './caller-queue.ts';
export { readChangedOptions, readExclusivelyOptions } from './check-options.ts';
export { checkData, checkRecord, recordFields } from './check-record.ts';
export { checkText, refuseUnknown } from './check-text.ts';
export { hashOf } from './hash-of.ts';
export { pause, settled } from './pause.ts';
export { checkRecordName, signInLockName } from './reserved-names.ts';
export { Slots } from './slots.ts';
export { type CipherOptions, checkKey, type KeyCheck, saltBytes, TokenCipher } from './token-cipher.ts';
export { comparedToken, type TokenRecord } from './token-record.ts';
export type { ChangedOptions, ExclusivelyOptions, Lock, MaybePromise, TokenStore } from './token-store.ts';
export {
  TokenStoreError,
  type TokenStoreErrorCode,
  type TokenStoreErrorDetails,
  type TokenStoreErrorReason,
} from './token-store-error.ts';
