import { basename, dirname, join, resolve } from 'node:path';
import {
  changeDirectory,
  creationError,
  damaged,
  type FileStats,
  fileError,
  fileFailures,
  findFile,
  makeDirectories,
  type Owner,
  openError,
  removeIfThere,
  systemCode,
  usePrivateFile,
} from 'token-store-kit/files';
import { fs } from './node-fs.ts';

/** The file, at its path without symbolic links. It is always read and replaced as a whole. */
export class TokenFile {
  readonly path: string;
  /** The user to whom the file belongs, or will belong: root may use the files of any user. */
  readonly owner: Owner;
  readonly #folder: FileStats;

  /** Makes missing directories with mode 0700, but no file. */
  constructor(path: string) {
    const absolute = resolve(path);
    const found = findFile(absolute);
    try {
      makeDirectories(dirname(absolute));
      const folder = fs.realpathSync.native(dirname(absolute));
      this.path = found?.path ?? join(folder, basename(absolute));
      this.#folder = fs.statSync(dirname(this.path)); // A link's file may be in another folder than the link.
      const uid = process.geteuid?.() ?? 0;
      this.owner = found?.stats ?? (uid === 0 ? this.#folder : { uid, gid: 0 });
    } catch (error) {
      if (systemCode(error) === 'EACCES') throw fileError(absolute, fileFailures.noDirectory, error);
      throw openError(absolute, error);
    }
    if (!found && fs.lstatSync(this.path, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw fileError(absolute, fileFailures.danglingLink);
    }
  }

  /** Throws if the folder was replaced. The owner could put a link in its place, and root would give the link's target to the owner. */
  refuseOtherFolder(): void {
    if (process.geteuid?.() !== 0 || this.owner.uid === 0) return;
    const { dev, ino } = fs.statSync(dirname(this.path));
    if (dev !== this.#folder.dev || ino !== this.#folder.ino) throw fileError(this.path, fileFailures.moved);
  }

  /** The text, or undefined if there is no file. */
  read(): string | undefined {
    let bytes: Buffer;
    try {
      this.refuseOtherFolder();
      bytes = usePrivateFile(this.path, { owner: this.owner }, (descriptor) => fs.readFileSync(descriptor));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw openError(this.path, error);
    }
    const text = bytes.toString();
    // A write would change bytes that are not UTF-8.
    if (!Buffer.from(text).equals(bytes)) throw fileError(this.path, noTokens);
    return text;
  }

  /**
   * Replaces the text atomically: after a crash the file has the old or the new text. The new text is on the disk when this returns. Only
   * one process may call it at a time: all share one draft, so that killed processes leave no more than that one file.
   */
  write(text: string): void {
    try {
      usePrivateFile(this.#draft, { owner: this.owner, create: true }, (descriptor) => {
        fs.writeFileSync(descriptor, text);
        fs.fsyncSync(descriptor);
      });
      changeDirectory(dirname(this.path), () => fs.renameSync(this.#draft, this.path));
    } catch (error) {
      this.removeDraft();
      throw creationError(this.path, error);
    }
  }

  /** Removes what a killed process has left of a write: it may have the tokens of a sign-in that the file does not have. See `write`. */
  removeDraft(): void {
    removeIfThere(this.#draft);
  }

  get #draft(): string {
    return `${this.path}-draft`;
  }

  /** Another value after every write. Undefined if there is no file. */
  get state(): string | undefined {
    try {
      const stats = fs.statSync(this.path, { bigint: true, throwIfNoEntry: false });
      return stats && [stats.ino, stats.size, stats.ctimeNs].join(' ');
    } catch (error) {
      throw openError(this.path, error);
    }
  }
}

/** For a file whose records cannot be read. */
export const noTokens = damaged('is damaged, or is not a token file');
