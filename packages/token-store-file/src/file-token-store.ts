// `Disposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  type ChangedOptions,
  checkRecord,
  checkText,
  comparedToken,
  type ExclusivelyOptions,
  type Lock,
  pause,
  readChangedOptions,
  readExclusivelyOptions,
  refuseUnknown,
  type TokenRecord,
  type TokenStore,
} from 'token-store-kit';
import { fileError, fileFailures, systemCode } from 'token-store-kit/files';
import { type FileFormat, jsonFormat } from './json-format.ts';
import { LockFolder } from './lock/lock-folder.ts';
import { runExclusively } from './lock/run-exclusively.ts';
import { noTokens, TokenFile } from './token-file.ts';

/** Options of {@link openFileTokenStore}: the format of the file. Default: JSON of our own. Give both functions or neither. */
export type FileTokenStoreOptions = Partial<FileFormat>;

/** How long a write waits for writes of other processes. One write takes a few milliseconds. */
const writeTimeoutMs = 5_000;
/** How long a write is retried on Windows while another program has the file open. Shorter than the `writeTimeoutMs` of the others. */
const openElsewhereMs = 2_000;
/** Pause between two checks for a change. A check takes some microseconds. */
const lookIntervalMs = 50;

/**
 * Keeps OAuth tokens in a file of your own format that many processes share. `get` and `list` are synchronous. A write is on the disk
 * when its promise resolves.
 *
 * Every method throws or rejects with a {@link TokenStoreError} if the file cannot be read or written, and with a TypeError for arguments
 * of a wrong type. A name may be any well-formed string that the format can hold. Methods without a comment here do what
 * {@link TokenStore} says.
 */
export class FileTokenStore implements TokenStore, Disposable {
  /** The file, absolute and without symbolic links. */
  readonly path: string;
  readonly #file: TokenFile;
  readonly #format: FileFormat;
  readonly #closing = new AbortController();
  readonly #folder: LockFolder;

  /** See {@link openFileTokenStore}. */
  constructor(path: string, options: FileTokenStoreOptions = {}) {
    checkText(path, 'path');
    if (path === '' || path.includes('\0')) throw new TypeError('path must be the name of a file');
    const { parse, format, ...unknown } = options;
    refuseUnknown(unknown);
    for (const [name, value] of Object.entries({ parse, format })) {
      if (typeof value === 'function' || (parse === undefined && format === undefined)) continue;
      if (value !== undefined) throw new TypeError(`${name} must be a function`);
      throw new TypeError(`${name} is missing: give both parse and format, or neither`);
    }
    this.#file = new TokenFile(path);
    this.path = this.#file.path;
    this.#folder = new LockFolder(this.#file);
    this.#format = parse && format ? { parse, format } : jsonFormat(this.path);
  }

  get(name: string): TokenRecord | undefined {
    checkText(name, 'name');
    return this.#read().records.get(name);
  }

  async set(name: string, record: TokenRecord): Promise<void> {
    const checked = checkRecord(record);
    await this.#write(name, (records) => records.set(name, checked));
  }

  async replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    if (previous !== undefined) checkText(previous, 'previous');
    const checked = checkRecord(record);
    return this.#write(name, (records) => {
      return comparedToken(records.get(name)) === previous && records.set(name, checked);
    });
  }

  async delete(name: string): Promise<boolean> {
    return this.#write(name, (records) => records.delete(name));
  }

  list(): string[] {
    return [...this.#read().records.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  /**
   * Runs `task` while no other caller, in any process, runs a task for the same name and file. Returns its result. The lock ends
   * with the process, never before the task: the signal of `lock` never aborts.
   *
   * Rejects with STORE_BUSY after `timeout`, naming the process that holds the lock; with `signal.reason` on an abort; with
   * STORE_OPEN if the store is closed before the task begins; and at once with a TypeError within such a task for this name.
   */
  async exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    checkText(name, 'name');
    const wait = readExclusivelyOptions(task, options);
    return runExclusively(name, task, { ...wait, lock: 'name', folder: this.#folder, closing: this.#closing.signal });
  }

  /**
   * Resolves within about 50 ms of a write to the file by any program, or after `timeout`. To miss no change, call `changed`, then `get`,
   * then await the promise. Rejects with `signal.reason` on an abort, and with STORE_OPEN if the store is closed meanwhile.
   */
  async changed(name: string, options: ChangedOptions): Promise<void> {
    checkText(name, 'name');
    const { timeout, signal } = readChangedOptions(options);
    const deadline = performance.now() + timeout;
    const before = this.#file.state;
    do {
      await pause(Math.min(deadline - performance.now(), lookIntervalMs), [this.#closing.signal, signal]);
    } while (performance.now() < deadline && this.#file.state === before);
  }

  /** Callers that wait reject with STORE_OPEN. A task that already runs keeps its lock until it ends. */
  close(): void {
    this.#closing.abort(fileError(this.path, fileFailures.closed));
  }

  /** Calls {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Reads the file, lets `edit` change the records, and writes the file unless `edit` returns false. No other process writes meanwhile. */
  #write(name: string, edit: (records: Map<string, TokenRecord>) => unknown): Promise<boolean> {
    const tryOnce = (): boolean => {
      const { text, records } = this.#read();
      if (!edit(records)) {
        this.#file.removeDraft();
        return false;
      }
      // A copy: `format` may change what it gets, and the records are compared below.
      const after = this.#format.format(structuredClone(Object.fromEntries(records)), text);
      // Checks before the write: an unreadable text must not replace the stored sign-in, or those of other names.
      const lost = () => new TypeError('parse does not read back the tokens that format wrote');
      const kept = this.#parse(after, lost);
      for (const each of [name, ...records.keys()]) {
        if (comparedToken(kept.get(each)) !== comparedToken(records.get(each))) throw lost();
      }
      this.#file.write(after);
      return true;
    };
    const writeAlone = async (): Promise<boolean> => {
      for (const deadline = performance.now() + openElsewhereMs; ; await pause(20, [])) {
        try {
          return tryOnce();
        } catch (error) {
          if (!isOpenElsewhere(error) || performance.now() > deadline) throw error;
        }
      }
    };
    const { signal: closing } = this.#closing;
    return runExclusively(name, writeAlone, { lock: 'write', folder: this.#folder, closing, timeout: writeTimeoutMs });
  }

  #read(): { text: string | undefined; records: Map<string, TokenRecord> } {
    this.#closing.signal.throwIfAborted();
    const text = this.#file.read();
    return { text, records: text === undefined ? new Map() : this.#parse(text) };
  }

  /** Throws the error that `failure` returns. The error of the user's `parse` is not its cause, because it may quote tokens. */
  #parse(text: string, failure = (): Error => fileError(this.path, noTokens)): Map<string, TokenRecord> {
    try {
      // UTF-8 has no form of half a surrogate pair: a write would change it.
      if (!text.isWellFormed()) throw failure();
      const found = this.#format.parse(text);
      // A promise or a Map has no properties, and would count as a file without records.
      if (Object.prototype.toString.call(found) !== '[object Object]') throw failure();
      const records = Object.entries(found);
      return new Map(records.flatMap(([name, record]) => (record === undefined ? [] : [[name, checkRecord(record)]])));
    } catch (error) {
      throw systemCode(error)?.startsWith('STORE_') ? error : failure();
    }
  }
}

/** Windows does not replace a file that another program has open. Readers and virus scanners have it open for a moment. */
function isOpenElsewhere(error: unknown): boolean {
  return process.platform === 'win32' && /^(EPERM|EACCES|EBUSY)$/.test(`${systemCode(Object(error).cause)}`);
}

/**
 * Opens the store whose file is at `path`: your tool's own file, or a new one, which the first write makes. Makes missing directories with
 * mode 0700.
 *
 * @throws {TokenStoreError} STORE_OPEN for a path that cannot be such a file.
 * @throws {TypeError} for arguments of a wrong type.
 */
export function openFileTokenStore(path: string, options?: FileTokenStoreOptions): FileTokenStore {
  return new FileTokenStore(path, options);
}
