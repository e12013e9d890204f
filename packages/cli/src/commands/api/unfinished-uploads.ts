import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { UnfinishedUpload, UploadSessions } from 'onedrive-graph';
import { type DatabaseSettings, dataFolder } from '../../settings/database-name.ts';
import { besideDatabase, readEntries, writeEntry } from '../../settings/private-files.ts';
import type { Settings } from '../../settings/settings.ts';

/**
 * Keeps the addresses of unfinished uploads in a file beside the database, until the uploads are complete. With PostgreSQL that
 * file is in the data folder, because only this machine has the file that is uploaded. Such an address needs no token, so only
 * the file's owner can read it.
 */
export class UnfinishedUploads implements UploadSessions {
  /** undefined without a home folder: then an upload that breaks off starts again from its beginning. */
  readonly #file: string | undefined;
  /** Whose uploads they are: two accounts must not share one. */
  readonly #owner: string;
  /** Whether the upload that was last asked for is kept. */
  isLastKept = false;

  constructor({ app, db, postgresUrl }: Pick<Settings, 'app'> & DatabaseSettings) {
    const folder = dataFolder();
    if (postgresUrl === undefined) this.#file = besideDatabase(db, '.uploads.json');
    else if (folder !== undefined) this.#file = join(folder, 'postgresql.uploads.json');
    this.#owner = postgresUrl === undefined ? app : `${db} ${app}`;
  }

  get(name: string): UnfinishedUpload | undefined {
    // onedrive-graph checks what it gets.
    const found = this.#file === undefined ? undefined : readEntries(this.#file)[`${this.#owner} ${name}`];
    this.isLastKept = found !== undefined;
    return found as UnfinishedUpload | undefined;
  }

  set(name: string, upload: UnfinishedUpload | undefined): void {
    if (this.#file === undefined) return;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeEntry(this.#file, `${this.#owner} ${name}`, upload);
      this.isLastKept = upload !== undefined;
    } catch {
      // Then an upload that breaks off starts again from its beginning.
    }
  }

  delete(name: string): void {
    this.set(name, undefined);
  }
}
