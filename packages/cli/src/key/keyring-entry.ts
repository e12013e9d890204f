import type { AsyncEntry } from '@napi-rs/keyring';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { Failure } from '../terminal/failure.ts';
import { writeErr } from '../terminal/streams.ts';

const { createRequire } = process.getBuiltinModule('node:module');

const service = 'onedrive-token';
/** Older ones can't be kept from the kernel's keyring. npm holds no global package to the peers of another. */
export const oldestKeyring = '2.1.2';
const keyLength = 32;
/** Milliseconds: a keyring that is unlocked answers sooner. */
const patience = 1500;
/** Milliseconds: with --no-interactive nobody is to be waited for. */
const longestSilence = 5000;
const waiting =
  'Waiting for the keyring, which may be asking for its password in a window of the desktop; Ctrl-C cancels';

/** One entry of the system's keyring: the key of one database. Every failure is a Failure that ends with 7. */
export class KeyringEntry {
  readonly account: string;
  readonly #entry: AsyncEntry;
  readonly #command: Command;

  constructor(account: string, command: Command) {
    this.account = account;
    this.#command = command;
    const Entry = loadEntry(account);
    try {
      // Without this choice a Linux without a keyring would have the key in the kernel's memory, gone with the next start.
      this.#entry = new Entry(service, account, { linux: { store: 'secret-service' } });
    } catch (error) {
      throw failure(
        `no keyring can be reached (${(error as Error).message}). It belongs to a desktop session, on Linux GNOME Keyring or KWallet over D-Bus. Run this there${otherwise}`,
        error,
      );
    }
  }

  /** The key, or undefined where none was put there. */
  async read(): Promise<Uint8Array | undefined> {
    const text = await this.#wait(this.#entry.getPassword());
    if (text === null) return undefined;
    const key = Buffer.from(text, 'base64url');
    if (key.length === keyLength && key.toString('base64url') === text) return key;
    throw failure(`what ${this} holds is not a key that this program made, and was left as it is`);
  }

  /** The key that is there, or a new one; either way the keyring has it from now on. */
  async readOrMake(): Promise<Uint8Array> {
    const there = await this.read();
    if (there) return there;
    const key = process.getBuiltinModule('node:crypto').randomBytes(keyLength);
    await this.#wait(this.#entry.setPassword(key.toString('base64url')));
    // A keyring that only says it has the key would cost the sign-in.
    const kept = await this.read();
    if (kept && Buffer.compare(kept, key) === 0) return key;
    throw failure(`the keyring did not keep the key that it was given. Nothing was changed${otherwise}`);
  }

  toString(): string {
    return `the keyring entry (service ${service}, account ${this.account})`;
  }

  async #wait<T>(answer: Promise<T>): Promise<T> {
    const { settings, interrupt } = this.#command;
    const { promise: silence, reject } = Promise.withResolvers<never>();
    const timer = settings.interactive
      ? setTimeout(() => writeErr(`${waiting}\n`), patience)
      : setTimeout(() => reject(new Error('it does not answer, and may be asking for its password')), longestSilence);
    try {
      return await interrupt.endAtOnceDuring(Promise.race([answer, silence]));
    } catch (error) {
      throw failure(`the keyring refused ${this}: ${(error as Error).message}. Unlock it and run this again`, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

const otherwise = ', or use a passphrase instead: ONEDRIVE_TOKEN_KEY or --key-file';

/** An optional peer of this package: who uses no keyring neither installs nor loads it. */
function loadEntry(account: string): typeof AsyncEntry {
  const require = createRequire(import.meta.url);
  try {
    const { version } = require('@napi-rs/keyring/package.json');
    if (version.localeCompare(oldestKeyring, 'en', { numeric: true }) >= 0) {
      return require('@napi-rs/keyring').AsyncEntry;
    }
    throw failure(
      `the package @napi-rs/keyring is ${version} and has to be ${oldestKeyring} or newer: npm install --global @napi-rs/keyring@latest`,
    );
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw failure(
      code === 'MODULE_NOT_FOUND'
        ? `the keyring has the key of ${account}, or shall have it, and a package for that is missing. Install it beside this one: npm install --global @napi-rs/keyring`
        : `the package @napi-rs/keyring does not work here: ${message}`,
      error,
    );
  }
}

function failure(message: string, cause?: unknown): Failure {
  return new Failure(message, exitStatus.database, { cause });
}
