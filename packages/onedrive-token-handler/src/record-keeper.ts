import { OneDriveTokenError } from './one-drive-token-error.ts';
import type { Settings, StoreOptions } from './options.ts';
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

/** The one record of an app name: whose it is, and how it is read, advanced and forgotten without losing a sign-in. */
export class RecordKeeper {
  readonly #settings: Settings;
  readonly #emit: (event: TokenEvent) => void;
  #opened: Promise<OpenedStore> | undefined;
  #unsaved: { previous: string | undefined; record: TokenRecord } | undefined;
  #saving = false;
  /** Counts sign-outs, so that work begun before one can tell. */
  signOuts = 0;

  constructor(settings: Settings, emit: (event: TokenEvent) => void) {
    this.#settings = settings;
    this.#emit = emit;
  }

  get hasUnsaved(): boolean {
    return this.#unsaved !== undefined;
  }

  async open(): Promise<TokenStore> {
    this.#opened ??= openStore(this.#settings);
    // One that failed to open may open next time.
    this.#opened.catch(() => {
      this.#opened = undefined;
    });
    return (await this.#opened).store;
  }

  /** The record as it should be in the store, where it is of this client and authority. */
  async read(): Promise<TokenRecord | undefined> {
    const record = await this.#newest();
    return record && this.#isOurs(record) ? record : undefined;
  }

  /**
   * Writes the record back as it is: a full disk or a read-only file must show before the refresh token is spent.
   * False where another record stands there now.
   */
  async prove(record: TokenRecord): Promise<boolean> {
    const { appName } = this.#settings;
    const store = await this.open();
    const previous = this.#unsaved ? this.#unsaved.previous : record.refreshToken;
    return asStoreErrors(async () => {
      const roomy = { ...record, accessToken: padding, expiresAt: 0 };
      if (record.accessToken === undefined && !(await store.replace(appName, previous, roomy))) return false;
      const replaced = await store.replace(
        appName,
        record.accessToken === undefined ? record.refreshToken : previous,
        record,
      );
      if (replaced) this.#unsaved = undefined;
      return replaced;
    });
  }

  /**
   * Puts `record` in the place of one whose refresh token is `previous`. False where another one stands there now.
   * A failing store is no failure: the record is kept here until it can be written.
   */
  async advance(previous: string, record: TokenRecord): Promise<boolean> {
    const store = await this.open();
    try {
      return await asStoreErrors(() => store.replace(this.#settings.appName, previous, record));
    } catch (error) {
      this.#keepUnsaved(previous, record, error);
      return true;
    }
  }

  /** Stores a new sign-in, whatever stands there. A failing store is no failure here either. */
  async put(record: TokenRecord): Promise<void> {
    const { appName, requestTimeout } = this.#settings;
    const store = await this.open();
    const set = async (): Promise<void> => store.set(appName, record);
    try {
      // A refresh in flight ends first; one that is stuck must not cost the sign-in, and can't overwrite it.
      await this.exclusively(appName, set, { timeout: requestTimeout }).catch((error) => {
        if (!isBusy(error)) throw error;
        return set();
      });
      this.#unsaved = undefined;
    } catch (error) {
      const stored = await Promise.resolve(store.get(appName)).catch(() => undefined);
      this.#keepUnsaved(stored?.refreshToken, record, error);
    }
  }

  /** Tries to write once more what could not be written. */
  async saveAgain(): Promise<void> {
    const unsaved = this.#unsaved;
    if (!unsaved || this.#saving) return;
    this.#saving = true;
    try {
      const store = await this.open();
      await store.replace(this.#settings.appName, unsaved.previous, unsaved.record);
      if (this.#unsaved === unsaved) this.#unsaved = undefined;
      this.#emit({ type: 'store-recovered' });
    } catch {
      // It was reported when it first failed; the next call tries again.
    } finally {
      this.#saving = false;
    }
  }

  async forget(): Promise<void> {
    this.signOuts++;
    this.#unsaved = undefined;
    const store = await this.open();
    await asStoreErrors(() => store.delete(this.#settings.appName));
  }

  /**
   * Runs `task` while no other process runs one of that name. The signal ends the wait, not the task.
   * Throws STORE where the lock can't be had; what the task throws passes through.
   */
  async exclusively<T>(
    name: string,
    task: () => Promise<T>,
    { timeout, signal, onWait }: { timeout: number; signal?: AbortSignal; onWait?: () => void },
  ): Promise<T> {
    const store = await this.open();
    let started = false;
    const waiting = new AbortController();
    const stopWaiting = (): void => {
      if (!started) waiting.abort(signal?.reason);
    };
    const attempt = (wait: number): Promise<T> =>
      store.exclusively(
        name,
        () => {
          started = true;
          return task();
        },
        { timeout: wait, signal: waiting.signal },
      );
    signal?.addEventListener('abort', stopWaiting);
    try {
      signal?.throwIfAborted();
      return await attempt(0).catch((error) => {
        if (started || codeOf(error) !== 'STORE_BUSY') throw error;
        onWait?.();
        return attempt(timeout);
      });
    } catch (error) {
      if (started || signal?.aborted) throw error;
      throw toStoreError(error);
    } finally {
      signal?.removeEventListener('abort', stopWaiting);
    }
  }

  async close(): Promise<void> {
    await this.saveAgain();
    (await this.#opened?.catch(() => undefined))?.close();
  }

  async #newest(): Promise<TokenRecord | undefined> {
    const store = await this.open();
    const stored = await asStoreErrors(() => store.get(this.#settings.appName));
    if (!this.#unsaved) return stored;
    if (stored?.refreshToken === this.#unsaved.previous) return this.#unsaved.record;
    // Somebody else has moved on.
    this.#unsaved = undefined;
    return stored;
  }

  /** The original Python class wrote neither client id nor authority: such a record counts as ours. */
  #isOurs({ clientId, authority }: TokenRecord): boolean {
    if (clientId !== undefined && clientId !== this.#settings.clientId) return false;
    return (
      authority === undefined || authority.replace(/\/+$/, '').toLowerCase() === this.#settings.authority.toLowerCase()
    );
  }

  #keepUnsaved(previous: string | undefined, record: TokenRecord, error: unknown): void {
    this.#unsaved = { previous, record };
    this.#emit({ type: 'store-failed', error: toStoreError(error) });
  }
}

export function isBusy(error: unknown): boolean {
  return error instanceof OneDriveTokenError && codeOf(error.cause) === 'STORE_BUSY';
}

async function asStoreErrors<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // A mistake in the options, for example a key of the wrong length, is not the store's failure.
    throw error instanceof TypeError ? error : toStoreError(error);
  }
}

function toStoreError(error: unknown): OneDriveTokenError {
  if (error instanceof OneDriveTokenError) return error;
  const code = codeOf(error);
  const retryable = code === 'STORE_BUSY' || code === 'STORE_FULL';
  const message = error instanceof Error ? error.message : String(error);
  return new OneDriveTokenError('STORE', message, { cause: error, retryable });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
