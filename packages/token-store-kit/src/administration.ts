/**
 * Administration of stores of any kind: lists, deletes and moves records, and changes the encryption key.
 * An operation that could lose the result of a running refresh or sign-in waits for its end first.
 */
import { labelOf, separator, signInLockName } from './reserved-names.ts';
import { comparedToken, type TokenRecord } from './token-record.ts';
import type { Lock, MaybePromise, TokenStore } from './token-store.ts';
import { TokenStoreError } from './token-store-error.ts';

/** A passphrase, or 32 bytes; undefined means no encryption. */
export type StoreKey = string | Uint8Array | undefined;

/** A store whose encryption can be changed. */
export interface RekeyStore extends TokenStore {
  /** Encrypts every record with another key, or, with undefined, stores them unencrypted: all of them or none. */
  rekey(key: StoreKey): MaybePromise<void>;
  /** The names whose locks are held now: `list` lacks that of a running first sign-in. Default: `changeKey` does not wait for that. */
  lockedNames?(): MaybePromise<readonly string[]>;
  /** True if `rekey` itself waits until no other caller holds a lock. Then its caller need not acquire the locks of all names. */
  readonly waitsToRekey?: boolean;
}

/** Which record moves, from which store to which. */
export interface MoveRecordOptions {
  source: TokenStore;
  /** Is not touched if there is nothing to move. */
  target: TokenStore;
  name: string;
  /**
   * Whether the record at the target may be a refreshed copy of the record of an interrupted move. Called only if client
   * and authority are equal. Default: true, unless both records have a `signedInAt` and these differ.
   */
  isSameAccount?: ((moved: TokenRecord, present: TokenRecord) => boolean) | undefined;
}

/** `not-signed-in`: there was no record to move. `already-there`: the target has another sign-in. Both change nothing. */
export type MoveOutcome = 'moved' | 'not-signed-in' | 'already-there';

const moving = `moving${separator}`;
const keyLockName = `encryption-key${separator}`;

/** The names that have a record, sorted. The source of an interrupted move still lists the moved record. */
export async function listNames(store: TokenStore): Promise<string[]> {
  const names = (await store.list()).map((name) => (name.startsWith(moving) ? name.slice(moving.length) : name));
  return [...new Set(names)].filter((name) => !name.includes(separator)).sort();
}

/** Deletes the record of a name, also that of an interrupted move. False if there was none. */
export async function forgetRecord(store: TokenStore, name: string): Promise<boolean> {
  const isMoving = await store.delete(moving + name);
  const isStored = await store.delete(name);
  // A move may have copied the record between the two deletes above.
  return (await store.delete(moving + name)) || isStored || isMoving;
}

/** Throws now what a later write would throw: writes a record under a reserved name, and deletes it. */
export async function ensureWritable(store: TokenStore, name: string): Promise<void> {
  const probe = `probe${separator}${name}`;
  // About the size of a large record.
  await store.set(probe, { refreshToken: 'x'.repeat(8_192) });
  await store.delete(probe);
}

/**
 * Changes, adds or removes the encryption of a store. `chooseKey` is called, and may throw, while no other process changes
 * the key. No process refreshes or signs in while the key changes: it could not store the result with the old key.
 */
export async function changeKey(store: RekeyStore, chooseKey: () => MaybePromise<StoreKey>): Promise<void> {
  // Two processes must not change the key at the same time.
  await store.exclusively(keyLockName, async () => {
    if (store.waitsToRekey) return store.rekey(await chooseKey());
    await withAllLocks(store, new Set(), async (names) => {
      const key = await chooseKey();
      await withAllLocks(store, names, async () => store.rekey(key));
    });
  });
}

/**
 * Moves a record to another store, under the locks of both. At no moment can the programs of both stores use the record:
 * they would refresh it independently. If this process is killed, the next call with the same stores finishes the move.
 * Each step is one durable write:
 *
 * | step | the source has it as | the target has it as | usable in | the next call |
 * | --- | --- | --- | --- | --- |
 * | 1. copy within the source | `name` and `moving` | | source | starts again from `name`, which may be newer |
 * | 2. delete `name` at the source | `moving` | | neither | goes on with step 3 |
 * | 3. write it at the target | `moving` | `name` | target | goes on with step 4 |
 * | 4. delete `moving` at the source | | `name` | target | finds nothing to move |
 *
 * @throws {TokenStoreError} of a store. STORE_BUSY with the reason `lock-lost`: no token is lost, the next call finishes the move.
 */
export async function moveRecord(options: MoveRecordOptions): Promise<MoveOutcome> {
  const { source, target, name } = options;
  return withLocks(source, locksOf(name), async (held) => {
    if (!((await source.get(name)) ?? (await source.get(moving + name)))) return 'not-signed-in';
    return withLocks(target, locksOf(name), (locks) => moveLocked(options, locks), held);
  });
}

async function moveLocked(options: MoveRecordOptions, locks: readonly Lock[]): Promise<MoveOutcome> {
  const { source, target, name } = options;
  const record = await source.get(name);
  const interrupted = record ? undefined : await source.get(moving + name);
  const present = await target.get(name);
  if (present) {
    // An earlier call did step 3, unless this is another sign-in. A refresh may have changed the record since.
    if (!interrupted || !isSameSignIn(interrupted, present, options)) return 'already-there';
    await source.delete(moving + name);
    return 'moved';
  }
  const moved = record ?? interrupted;
  if (!moved) return 'not-signed-in';
  const assertLocked = (): void => {
    // A store that the caller wrote may pass no lock to its task.
    if (locks.some((lock) => lock?.signal?.aborted)) throw lockLostError(name);
  };
  // Notices a target that cannot be written before the source is changed.
  await ensureWritable(target, name);
  assertLocked();
  if (record) {
    await source.set(moving + name, record);
    if (!(await source.delete(name))) {
      // A sign-out deleted the record meanwhile, or the lock was lost and another process continued the move.
      assertLocked();
      await source.delete(moving + name);
      return 'not-signed-in';
    }
  }
  if (!(await target.replace(name, undefined, moved))) {
    // The lock was lost, or a program without locks signed in at the target. In the second case the source keeps its record.
    const other = await target.get(name);
    if (!other) throw lockLostError(name);
    if (comparedToken(other) !== comparedToken(moved)) {
      const isBack = (await source.replace(name, undefined, moved)) || (await source.get(name)) !== undefined;
      if (!isBack) throw lockLostError(name);
      await source.delete(moving + name);
      return 'already-there';
    }
  }
  if (await source.delete(moving + name)) return 'moved';
  assertLocked();
  await target.delete(name);
  return 'not-signed-in';
}

function isSameSignIn(moved: TokenRecord, present: TokenRecord, { isSameAccount }: MoveRecordOptions): boolean {
  if (comparedToken(moved) === comparedToken(present)) return true;
  if (moved.clientId !== present.clientId || moved.authority !== present.authority) return false;
  if (isSameAccount) return isSameAccount(moved, present);
  const { signedInAt = moved.signedInAt } = present;
  return signedInAt === (moved.signedInAt ?? signedInAt);
}

function lockLostError(name: string): TokenStoreError {
  const problem = `the move of ${JSON.stringify(name)} was interrupted, because the lock of a store was lost; nothing is lost`;
  return new TokenStoreError('STORE_BUSY', problem, { reason: 'lock-lost', remedy: 'Move it again' });
}

/** The locks of the record of this name, in the order in which a sign-in acquires them. */
function locksOf(name: string): readonly string[] {
  return [signInLockName(name), name];
}

/** Acquires the locks of all names that are not in `locked`, whose locks are held already. Then runs `task` with all names. */
async function withAllLocks(
  store: RekeyStore,
  locked: ReadonlySet<string>,
  task: (names: ReadonlySet<string>) => Promise<void>,
): Promise<void> {
  const busy = ((await store.lockedNames?.()) ?? []).filter((name) => name !== keyLockName).map(labelOf);
  // Another name may have been stored while this call waited for a lock.
  const names = [...new Set([...(await store.list()), ...busy])].filter((name) => !locked.has(name));
  if (names.length === 0) return task(locked);
  const all = new Set([...locked, ...names]);
  await withLocks(store, names.flatMap(locksOf), () => withAllLocks(store, all, task));
}

/** Acquires the locks one after the other, then runs `task` with these and the `held` ones. */
async function withLocks<T>(
  store: TokenStore,
  [first, ...others]: readonly string[],
  task: (locks: readonly Lock[]) => Promise<T>,
  held: readonly Lock[] = [],
): Promise<T> {
  if (first === undefined) return task(held);
  return store.exclusively(first, (lock) => withLocks(store, others, task, [...held, lock]));
}
