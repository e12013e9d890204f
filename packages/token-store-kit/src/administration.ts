/**
 * Work on whole stores, of any kind: list what is kept, delete it, move it to another store, encrypt it with another key.
 * Waits until a refresh or a sign-in that is under way has ended, wherever its result could be lost.
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
  /** The names whose locks are held now: `list` does not have that of a first sign-in yet. Default: such a sign-in is not waited for. */
  lockedNames?(): MaybePromise<readonly string[]>;
  /** Whether `rekey` itself waits until no other caller holds a lock: then its caller need not acquire those of all names. */
  readonly waitsToRekey?: boolean;
}

/** What moves, and from where to where. */
export interface MoveRecordOptions {
  source: TokenStore;
  /** Is not touched if there is nothing to move. */
  target: TokenStore;
  name: string;
  /**
   * Whether a record at the target can be what became of the one that was moved there, before the move was interrupted.
   * It is of the same client and authority. Default: yes, unless they say that the person signed in at different times.
   */
  isSameAccount?: ((moved: TokenRecord, present: TokenRecord) => boolean) | undefined;
}

/** `not-signed-in`: nothing was to move. `already-there`: the target has another sign-in. Both change nothing. */
export type MoveOutcome = 'moved' | 'not-signed-in' | 'already-there';

const moving = `moving${separator}`;
const keyLockName = `encryption-key${separator}`;

/** The names that have a record, sorted. A record whose move was interrupted counts to the store that it leaves. */
export async function listNames(store: TokenStore): Promise<string[]> {
  const names = (await store.list()).map((name) => (name.startsWith(moving) ? name.slice(moving.length) : name));
  return [...new Set(names)].filter((name) => !name.includes(separator)).sort();
}

/** Deletes what is stored under a name. False if nothing was. */
export async function forgetRecord(store: TokenStore, name: string): Promise<boolean> {
  const isMoving = await store.delete(moving + name);
  const isStored = await store.delete(name);
  // Or a move has just begun, perhaps once more.
  return (await store.delete(moving + name)) || isStored || isMoving;
}

/** Writes a record under a name that no program has, and deletes it: throws now what a write would throw later. */
export async function ensureWritable(store: TokenStore, name: string): Promise<void> {
  const probe = `probe${separator}${name}`;
  // About the size of a large record.
  await store.set(probe, { refreshToken: 'x'.repeat(8_192) });
  await store.delete(probe);
}

/**
 * Changes, adds or removes the encryption of a store. `chooseKey` is called, and may throw, while no other process changes
 * the key. The key changes while none refreshes or signs in: the result could not be stored any more.
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
 * Moves a record to another store, under the locks of both. At no moment can the programs of both stores use it, because
 * they would refresh it independently. If this process is killed, the next call with the same stores finishes the move.
 * Each step is one durable write:
 *
 * | step | the source has it as | the target has it as | usable in | the next call |
 * | --- | --- | --- | --- | --- |
 * | 1. copy within the source | `name` and `moving` | | source | begins again: `name` counts, it may be newer |
 * | 2. delete `name` at the source | `moving` | | neither | goes on with step 3 |
 * | 3. write it at the target | `moving` | `name` | target | goes on with step 4 |
 * | 4. delete `moving` at the source | | `name` | target | finds nothing to move |
 *
 * @throws {TokenStoreError} of a store. STORE_BUSY with the reason `lock-lost`: nothing is lost, the next call finishes it.
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
    // Step 3 was done before, and a refresh may have changed the record since, unless it is another sign-in.
    if (!interrupted || !isSameSignIn(interrupted, present, options)) return 'already-there';
    await source.delete(moving + name);
    return 'moved';
  }
  const moved = record ?? interrupted;
  if (!moved) return 'not-signed-in';
  const assertLocked = (): void => {
    // A store of the caller's own may give no lock.
    if (locks.some((lock) => lock?.signal?.aborted)) throw lockLostError(name);
  };
  // A target that takes no write must be noticed before the source is changed.
  await ensureWritable(target, name);
  assertLocked();
  if (record) {
    await source.set(moving + name, record);
    if (!(await source.delete(name))) {
      // A sign-out came meanwhile, or another process has gone on with the move because the lock was lost.
      assertLocked();
      await source.delete(moving + name);
      return 'not-signed-in';
    }
  }
  if (!(await target.replace(name, undefined, moved))) {
    // Either the lock was lost, or a program that takes no lock has signed in there meanwhile. Then the source keeps its own.
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

/** Runs `task` with the locks of all names, of which those in `locked` are held already. It gets all of them. */
async function withAllLocks(
  store: RekeyStore,
  locked: ReadonlySet<string>,
  task: (names: ReadonlySet<string>) => Promise<void>,
): Promise<void> {
  const busy = ((await store.lockedNames?.()) ?? []).filter((name) => name !== keyLockName).map(labelOf);
  // While one lock was waited for, another name may have been stored.
  const names = [...new Set([...(await store.list()), ...busy])].filter((name) => !locked.has(name));
  if (names.length === 0) return task(locked);
  const all = new Set([...locked, ...names]);
  await withLocks(store, names.flatMap(locksOf), () => withAllLocks(store, all, task));
}

/** Acquires the locks in their order, after those that are held, then runs `task` with all of them. */
async function withLocks<T>(
  store: TokenStore,
  [first, ...others]: readonly string[],
  task: (locks: readonly Lock[]) => Promise<T>,
  held: readonly Lock[] = [],
): Promise<T> {
  if (first === undefined) return task(held);
  return store.exclusively(first, (lock) => withLocks(store, others, task, [...held, lock]));
}
