import type { UnfinishedUpload, UploadSessions } from 'onedrive-graph';
import { dataFolder } from '../../settings/data-folder.ts';
import { besideDatabase, readEntries, writeEntry } from '../../settings/private-json.ts';
import type { DatabaseSettings, Settings } from '../../settings/settings.ts';

const { mkdirSync } = process.getBuiltinModule('node:fs');
const { dirname, join } = process.getBuiltinModule('node:path');

/**
 * Keeps the addresses of unfinished uploads in a file beside the database, until the uploads are complete. With PostgreSQL that
 * file is in the data folder, because only this machine has the file that is uploaded. Such an address needs no token, so only
 * the file's owner can read it.
 */
export class UnfinishedUploads implements UploadSessions {
  /** undefined without a home folder: then an upload that breaks off starts again from its beginning. */
  readonly #file: string | undefined;
  /** Whose uploads they are. */
  readonly #owner: string;
  #isLastKept = false;

  constructor({ app, db, postgresUrl }: Pick<Settings, 'app'> & DatabaseSettings) {
    const folder = dataFolder();
    if (postgresUrl === undefined) this.#file = besideDatabase(db, '.uploads.json');
    else if (folder !== undefined) this.#file = join(folder, 'postgresql.uploads.json');
    this.#owner = postgresUrl === undefined ? app : `${db} ${app}`;
  }

  /** Whether the upload that was last asked for is kept. */
  get isLastKept(): boolean {
    return this.#isLastKept;
  }

  get(name: string): UnfinishedUpload | undefined {
    // onedrive-graph checks what it gets.
    const entries = this.#file === undefined ? {} : readEntries(this.#file);
    const found = entries[this.#key(name)] as UnfinishedUpload | undefined;
    this.#isLastKept = found !== undefined;
    return found;
  }

  set(name: string, upload: UnfinishedUpload): void {
    this.#write(name, upload);
  }

  delete(name: string): void {
    this.#write(name, undefined);
  }

  #write(name: string, upload: UnfinishedUpload | undefined): void {
    if (this.#file === undefined) return;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeEntry(this.#file, this.#key(name), upload);
      this.#isLastKept = upload !== undefined;
    } catch {
      // Then an upload that breaks off starts again from its beginning.
    }
  }

  /** Two accounts must not share an upload. */
  #key(name: string): string {
    return `${this.#owner} ${name}`;
  }
}
