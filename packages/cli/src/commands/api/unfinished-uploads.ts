import type { UnfinishedUpload, UploadSessions } from 'onedrive-graph';
import { besideDatabase, readEntries, writeEntry } from '../../files/private-json.ts';

/**
 * Keeps the addresses of unfinished uploads in a file beside the database, until the uploads are complete. Such an address
 * needs no token, so only the file's owner can read it.
 */
export class UnfinishedUploads implements UploadSessions {
  readonly #file: string;
  readonly #app: string;
  #isLastKept = false;

  constructor(db: string, app: string) {
    this.#file = besideDatabase(db, '.uploads.json');
    this.#app = app;
  }

  /** Whether the upload that was last asked for is kept. */
  get isLastKept(): boolean {
    return this.#isLastKept;
  }

  get(name: string): UnfinishedUpload | undefined {
    // onedrive-graph checks what it gets.
    const found = readEntries(this.#file)[this.#key(name)] as UnfinishedUpload | undefined;
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
    try {
      writeEntry(this.#file, this.#key(name), upload);
      this.#isLastKept = upload !== undefined;
    } catch {
      // Then an upload that breaks off starts again from its beginning.
    }
  }

  /** Two accounts must not share an upload. */
  #key(name: string): string {
    return `${this.#app} ${name}`;
  }
}
