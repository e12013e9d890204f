import type { Lock, TokenRecord, TokenStore } from 'shared-token';
import { checkNames } from '../check-names.ts';
import { belongToDifferentAccounts } from '../id-token.ts';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { readStoreOptions, type StoreOptions } from '../options.ts';
import { ensureWritable } from './ensure-writable.ts';
import { fileExists, openStore, runOnStore } from './open-store.ts';
import { movingName } from './unfinished-move.ts';
import { locksOf, withLocks } from './with-locks.ts';

/** From where to where `moveTokens` moves. */
export interface MoveOptions {
  /** Where the tokens are. */
  from: StoreOptions;
  /** Where they go. Its file is made if it is missing. */
  to: StoreOptions;
  /** Called before the first change, with what moves: a caller that keeps more than the tokens moves that too. */
  onMove?: ((record: TokenRecord) => void) | undefined;
}

const moveOptionNames: Record<keyof MoveOptions, true> = { from: true, to: true, onMove: true };

/** `not-signed-in`: there was nothing to move. `already-there`: the other store has a sign-in of that name. Both change nothing. */
export type MoveOutcome = 'moved' | 'not-signed-in' | 'already-there';

/**
 * Moves the tokens of one app name to another store, under the locks of both: a refresh or a sign-in that is under way ends
 * first. At no moment can both stores' programs use the sign-in, because two of them would refresh it independently. If this
 * process is killed, nothing is lost, and the next call with the same stores finishes the move. Throws STORE.
 *
 * Each step is one durable write. After which of them the process is killed, decides what the next call finds:
 *
 * | step | the source has it as | the target has it as | usable in | the next call |
 * | --- | --- | --- | --- | --- |
 * | 1. copy within the source | `name` and `moving` | | source | begins again: `name` counts, it may be newer |
 * | 2. delete `name` at the source | `moving` | | neither | goes on with step 3 |
 * | 3. write it at the target | `moving` | `name` | target | goes on with step 4 |
 * | 4. delete `moving` at the source | | `name` | target | finds nothing to move |
 *
 * The lock of a store on another machine can be lost: then its writes may be refused, and the move stops where it is.
 */
export async function moveTokens(appName: string, options: MoveOptions): Promise<MoveOutcome> {
  checkNames(options, moveOptionNames);
  const { from, to, onMove } = options;
  const checked = { from: readStoreOptions(from), to: readStoreOptions(to) };
  if (checked.from.dbFilepath !== undefined && !fileExists(checked.from.dbFilepath)) return 'not-signed-in';
  const source = openStore(checked.from);
  const target = openStore(checked.to);
  try {
    return await runOnStore(() =>
      withLocks(source.store, locksOf(appName), async (sourceLocks) => {
        // Without a look at the target: a file would be made there.
        if (!(await findMoving(source.store, appName))) return 'not-signed-in';
        return withLocks(target.store, locksOf(appName), (targetLocks) => {
          const locks = [...sourceLocks, ...targetLocks];
          return moveBetween({ source: source.store, target: target.store, locks, appName, onMove });
        });
      }),
    );
  } finally {
    await source.close();
    await target.close();
  }
}

async function findMoving(source: TokenStore, appName: string): Promise<TokenRecord | undefined> {
  return (await source.get(appName)) ?? (await source.get(movingName(appName)));
}

interface Move {
  readonly source: TokenStore;
  readonly target: TokenStore;
  readonly locks: readonly Lock[];
  readonly appName: string;
  readonly onMove: MoveOptions['onMove'];
}

async function moveBetween({ source, target, locks, appName, onMove }: Move): Promise<MoveOutcome> {
  const moving = movingName(appName);
  const record = await source.get(appName);
  const interrupted = record ? undefined : await source.get(moving);
  const present = await target.get(appName);
  if (present) {
    // Step 3 was done before, unless it is another sign-in.
    if (!interrupted || !isSameSignIn(interrupted, present)) return 'already-there';
    await source.delete(moving);
    return 'moved';
  }
  const moved = record ?? interrupted;
  if (!moved) return 'not-signed-in';
  onMove?.(moved);
  // A target that takes no write must be noticed before the source is changed.
  await ensureWritable(target, appName);
  if (locks.some(({ signal }) => signal.aborted)) throw interruptedError(appName);
  if (record) {
    await source.set(moving, record);
    await source.delete(appName);
  }
  if (!(await target.replace(appName, undefined, moved))) {
    // Either the lock was lost, or a program that takes no lock has signed in there meanwhile. Then the source keeps its own.
    const other = await target.get(appName);
    if (!other) throw interruptedError(appName);
    if (other.refreshToken !== moved.refreshToken) {
      const isBack = (await source.replace(appName, undefined, moved)) || (await source.get(appName)) !== undefined;
      if (!isBack) throw interruptedError(appName);
      await source.delete(moving);
      return 'already-there';
    }
  }
  await source.delete(moving);
  return 'moved';
}

function interruptedError(appName: string): OneDriveTokenError {
  const message = `The move of ${JSON.stringify(appName)} was interrupted, because the lock of a database was lost. Nothing is lost: move it again`;
  return new OneDriveTokenError('STORE', message, { retryable: true });
}

/** Whether the record at the target is the one that was moved there, or what a refresh has made of it since. */
function isSameSignIn(moved: TokenRecord, present: TokenRecord): boolean {
  if (moved.refreshToken === present.refreshToken) return true;
  if (moved.clientId !== present.clientId || moved.authority !== present.authority) return false;
  return !belongToDifferentAccounts(moved.idToken, present.idToken);
}
