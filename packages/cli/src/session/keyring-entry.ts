import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { AsyncEntry } from '@napi-rs/keyring';
import type { Command } from '../settings/command.ts';
import { realDatabase } from '../settings/private-files.ts';
import { exitStatus, Failure } from '../terminal/failure.ts';
import { writeErr } from '../terminal/streams.ts';

const service = 'onedrive-token';
/**
 * An older @napi-rs/keyring may keep the key only until the next reboot. The version is checked at run time, because npm does not apply
 * the manifest's peer range to global packages.
 */
export const oldestKeyring = '2.1.2';
const keyLength = 32;
/** An unlocked keyring answers sooner. */
const unlockNoticeAfterMs = 1500;
/** With --no-interactive, no person unlocks the keyring. */
const unlockTimeoutMs = 5000;
const unlockNotice = 'Waiting for the keyring, which may be asking for its password in a window; Ctrl-C cancels';
const usePassphrase = 'use a passphrase instead: ONEDRIVE_TOKEN_KEY or --key-file';

/** One entry of the system's keyring: the key of one database. Every error is a Failure with status 7. */
export class KeyringEntry {
  readonly account: string;
  readonly #entry: AsyncEntry;
  readonly #command: Command;

  constructor(command: Command, account = realDatabase(command.settings.db)) {
    this.account = account;
    this.#command = command;
    const Entry = loadEntry(account, command);
    try {
      // Without this option, a Linux without a keyring keeps the key in the kernel's memory, until the next reboot.
      this.#entry = new Entry(service, account, { linux: { store: 'secret-service' } });
    } catch (error) {
      throw failure(
        `no keyring can be reached (${(error as Error).message})`,
        `It belongs to a desktop session: on Linux GNOME Keyring or KWallet over D-Bus. Run this there, or ${usePassphrase}`,
        error,
      );
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    const text = await this.#wait(this.#entry.getPassword());
    if (text === null) return undefined;
    const key = Buffer.from(text, 'base64url');
    if (key.length === keyLength && key.toString('base64url') === text) return key;
    throw failure(`the content of ${this} is not a key that this program made, and was left as it is`);
  }

  /** The key in the keyring. If there is none, makes one and stores it there. */
  async readOrMake(): Promise<Uint8Array> {
    const present = await this.read();
    if (present) return present;
    const key = randomBytes(keyLength);
    await this.#wait(this.#entry.setPassword(key.toString('base64url')));
    // Read the key back: if a keyring only claims to have stored it, the sign-in would be lost.
    const stored = await this.read();
    if (stored && Buffer.compare(stored, key) === 0) return key;
    throw failure('the keyring did not store the key, and nothing was changed', `You can ${usePassphrase}`);
  }

  /** The error if this entry does not have the key that opens the database. Its remedy says how to get the tokens back. */
  keyLost(db: string): Failure {
    return failure(
      `${db} is encrypted, and ${this} does not have its key`,
      'If it has a passphrase now, set ONEDRIVE_TOKEN_KEY or --key-file. To get the tokens back, put the right entry back in the keyring, for example from a backup. Otherwise move the file away and sign in again',
    );
  }

  toString(): string {
    return `the keyring entry (service ${service}, account ${this.account})`;
  }

  async #wait<T>(answer: Promise<T>): Promise<T> {
    const { settings, interrupt } = this.#command;
    const { promise: timedOut, reject } = Promise.withResolvers<never>();
    const timer = settings.interactive
      ? setTimeout(() => writeErr(`${unlockNotice}\n`), unlockNoticeAfterMs)
      : setTimeout(() => reject(new Error('it does not answer, and may be asking for its password')), unlockTimeoutMs);
    try {
      return await interrupt.endAtOnceDuring(Promise.race([answer, timedOut]));
    } catch (error) {
      const { message } = error as Error;
      throw failure(`the keyring is locked or cannot be used (${message})`, 'Unlock it and run this again', error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Loads the optional peer package, which a person without a keyring need not install. */
function loadEntry(account: string, { settings }: Command): typeof AsyncEntry {
  const require = createRequire(import.meta.url);
  try {
    const { version } = require('@napi-rs/keyring/package.json');
    const isOld = version.localeCompare(oldestKeyring, 'en', { numeric: true }) < 0;
    if (!isOld) return require('@napi-rs/keyring').AsyncEntry;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'MODULE_NOT_FOUND') throw failure(`@napi-rs/keyring does not work here: ${message}`, undefined, error);
  }
  const what = settings.keyring ? '--keyring' : `the key of ${account}, which is in the keyring,`;
  const remedy = 'Run: npm install --global @napi-rs/keyring@latest';
  throw failure(`${what} needs @napi-rs/keyring ${oldestKeyring} or newer`, remedy);
}

function failure(problem: string, remedy?: string, cause?: unknown): Failure {
  return new Failure(problem, { status: exitStatus.database, remedy, cause });
}
