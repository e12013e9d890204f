import { OneDriveTokenError } from './one-drive-token-error.ts';
import type { Settings, StoreOptions } from './options.ts';
import { isOurs } from './stored-record.ts';
import { toRecord } from './to-record.ts';
import type { TokenEvent } from './token-event.ts';
import type { TokenRecord, TokenStore } from './token-store.ts';

export interface OpenedStore {
  readonly store: TokenStore;
  /** Closes it, where it was opened here. */
  close(): void;
}

/** Opens the caller's store or the file. Throws STORE. */
export async function openStore({ store, dbFilepath, encryptionKey }: StoreOptions): Promise<OpenedStore> {
  if (store) return { store, close() {} };
  const { openTokenStore } = await import('token-store-sqlite');
  return asStoreErrors(() => {
    const opened = openTokenStore(dbFilepath as string, encryptionKey === undefined ? {} : { key: encryptionKey });
    return { store: opened, close: () => opened.close() };
  });
}

/** As long as an access token, which a record that has none is about to get. */
const padding = 'x'.repeat(2048);

/** Milliseconds: a shorter wait for a lock is not worth an event. */
const noticeable = 50;

/** Milliseconds: a write that takes longer to fail is not tried again at once. */
const slowFailure = 100;

/** A record that the store would not take. `replaces`: the refresh token it follows; undefined for a new sign-in. */
interface Unsaved {
  record: TokenRecord;
  replaces: string | undefined;
}

/** How often a record that must not be lost is written again at once, where the store was merely busy. */
const writeAttempts = 3;

/** The one record of an app name: whose it is, and how it is read, advanced and forgotten without losing a sign-in. */
export class RecordKeeper {
  readonly #settings: Settings;
  readonly #emit: (event: TokenEvent) => void;
  #opened: Promise<OpenedStore> | undefined;
  /** Stores whose file has moved away. Somebody may still wait for a lock in one, which goes by the file's name. */
  readonly #moved: OpenedStore[] = [];
  #unsaved: Unsaved | undefined;
  #saving: Promise<void> | undefined;
  /** By the monotonic clock. */
  #saveNotBefore = 0;
  /** Counts sign-outs, so that work begun before one can tell. */
  signOuts = 0;

  constructor(settings: Settings, emit: (event: TokenEvent) => void) {
    this.#settings = settings;
    this.#emit = emit;
  }

  get hasUnsaved(): boolean {
    return this.#unsaved !== undefined;
  }

  /** Throws STORE; one that failed to open may open next time. */
  async open(): Promise<TokenStore> {
    this.#opened ??= openStore(this.#settings);
    this.#opened.catch(() => {
      this.#opened = undefined;
    });
    return (await this.#opened).store;
  }

  /** The record as it should be in the store, where it is of this client and authority. Throws STORE. */
  async read(): Promise<TokenRecord | undefined> {
    const record = await this.#newest();
    return record && isOurs(record, this.#settings) ? record : undefined;
  }

  /**
   * Writes the record back as it is: a full disk or a read-only file must show before the refresh token is spent.
   * False where another record stands there now. Throws STORE.
   */
  async prove(record: TokenRecord): Promise<boolean> {
    const { appName } = this.#settings;
    return this.#use(async (store) => {
      if (this.#unsaved) return this.#write(store, this.#unsaved);
      const roomy = { ...record, accessToken: padding, expiresAt: 0 };
      if (record.accessToken === undefined && !(await store.replace(appName, record.refreshToken, roomy))) return false;
      return store.replace(appName, record.refreshToken, record);
    });
  }

  /**
   * Puts `record` in the place of one whose refresh token is `replaces`. False where another one stands there now.
   * A failing store is no failure: the record is kept here until it can be written.
   */
  async advance(replaces: string, record: TokenRecord): Promise<boolean> {
    return this.#save({ record, replaces });
  }

  /**
   * Stores a new sign-in, whatever stands there. A failing store is no failure here either. Throws SIGN_IN_REQUIRED where
   * somebody has signed out since the sign-in began, when there had been `signOuts`.
   */
  async put(record: TokenRecord, signOuts: number): Promise<void> {
    const { appName, requestTimeout } = this.#settings;
    const save = async (): Promise<boolean> => {
      if (signOuts !== this.signOuts) throw signedOut();
      return this.#save({ record, replaces: undefined });
    };
    try {
      // A refresh in flight ends first. One that is stuck must not cost the sign-in, and can't overwrite it.
      await this.exclusively(appName, save, { timeout: requestTimeout });
    } catch (error) {
      if (!(error instanceof OneDriveTokenError) || error.code !== 'STORE') throw error;
      await save();
    }
  }

  /** Tries to write once more what could not be written. Never rejects. */
  saveAgain(): Promise<void> {
    if (!this.#unsaved || performance.now() < this.#saveNotBefore) return Promise.resolve();
    this.#saving ??= this.#saveAgain(this.#unsaved).finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** Throws STORE. */
  async forget(): Promise<void> {
    this.signOuts++;
    this.#unsaved = undefined;
    await this.#use((store) => store.delete(this.#settings.appName));
  }

  /**
   * Runs `task` while no other process runs one of that name. The signal ends the wait, not the task. `onWait` is called where
   * there is a wait to speak of. Throws STORE where the lock can't be had; what the task throws passes through.
   */
  async exclusively<T>(
    name: string,
    task: () => Promise<T>,
    { timeout, signal, onWait }: { timeout: number; signal?: AbortSignal; onWait?: () => void },
  ): Promise<T> {
    const store = await this.open();
    signal?.throwIfAborted();
    const waiting = new AbortController();
    const stopWaiting = (): void => waiting.abort(signal?.reason);
    signal?.addEventListener('abort', stopWaiting);
    const notice = setTimeout(() => onWait?.(), noticeable);
    const waited = (): void => {
      clearTimeout(notice);
      signal?.removeEventListener('abort', stopWaiting);
    };
    let result: Promise<T> | undefined;
    const run = (): Promise<T> => {
      waited();
      result = task();
      return result;
    };
    try {
      return await store.exclusively(name, run, { timeout, signal: waiting.signal });
    } catch (error) {
      // Letting go of the lock may fail as well: what the task brought counts.
      if (result) return result;
      throw waiting.signal.aborted ? error : toStoreError(error);
    } finally {
      waited();
    }
  }

  /** What could not be written is tried once more. */
  async close(): Promise<void> {
    await this.#saving;
    this.#saveNotBefore = 0;
    await this.saveAgain();
    const opened = await this.#opened?.catch(() => undefined);
    for (const store of [...this.#moved, opened]) store?.close();
  }

  /** Whatever `work` throws is STORE. A file that was replaced or deleted while it was open is opened anew, once. */
  #use<T>(work: (store: TokenStore) => T | Promise<T>): Promise<T> {
    return asStoreErrors(async () => {
      const store = await this.open();
      try {
        return await work(store);
      } catch (error) {
        if (this.#settings.store || !hasMoved(error)) throw error;
        const opened = await this.#opened;
        if (opened?.store === store) {
          this.#moved.push(opened);
          this.#opened = undefined;
        }
        return work(await this.open());
      }
    });
  }

  async #newest(): Promise<TokenRecord | undefined> {
    const stored = toRecord(await this.#use((store) => store.get(this.#settings.appName)));
    const unsaved = this.#unsaved;
    if (!unsaved) return stored;
    if (unsaved.replaces === undefined || unsaved.replaces === stored?.refreshToken) return unsaved.record;
    // Somebody else has moved on.
    this.#unsaved = undefined;
    return stored;
  }

  async #saveAgain(unsaved: Unsaved): Promise<void> {
    // A store may block: not the caller, who has its token.
    await new Promise((resolve) => setImmediate(resolve));
    const started = performance.now();
    try {
      const written = await this.#use(async (store) => this.#unsaved === unsaved && this.#write(store, unsaved));
      if (written) this.#emit({ type: 'store-recovered' });
    } catch {
      // It was reported when it first failed. One that blocks is tried the more seldom the longer it takes to fail.
      const now = performance.now();
      if (now - started > slowFailure) this.#saveNotBefore = now + (now - started);
    }
  }

  async #save(unsaved: Unsaved): Promise<boolean> {
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#use((store) => this.#write(store, unsaved));
        } catch (error) {
          const isBusy = error instanceof Error && codeOf(error.cause) === 'STORE_BUSY';
          if (attempt === writeAttempts || !isBusy) throw error;
        }
      }
    } catch (error) {
      this.#unsaved = unsaved;
      this.#emit({ type: 'store-failed', error: toStoreError(error) });
      return true;
    }
  }

  /** False where another record stands there now; then this one is of no use any more. */
  async #write(store: TokenStore, { record, replaces }: Unsaved): Promise<boolean> {
    const { appName } = this.#settings;
    if (replaces === undefined) await store.set(appName, record);
    const written = replaces === undefined || (await store.replace(appName, replaces, record));
    this.#unsaved = undefined;
    return written;
  }
}

export function signedOut(): OneDriveTokenError {
  return new OneDriveTokenError('SIGN_IN_REQUIRED', 'Somebody signed out meanwhile. Call signIn().', {
    reason: 'signed-out',
  });
}

/** Runs the work of a store; whatever it throws is STORE. */
export async function asStoreErrors<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error);
  }
}

function toStoreError(error: unknown): OneDriveTokenError {
  if (error instanceof OneDriveTokenError) return error;
  const code = codeOf(error);
  const retryable = code === 'STORE_BUSY' || code === 'STORE_FULL';
  const message = error instanceof Error ? error.message : String(error);
  return new OneDriveTokenError('STORE', message, { cause: error, retryable });
}

/** Whether the open file has another name, or none, by now. */
function hasMoved(error: unknown): boolean {
  return codeOf(error) === 'STORE_OPEN' && error instanceof Error && codeOf(error.cause) === 'SQLITE_READONLY_DBMOVED';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
