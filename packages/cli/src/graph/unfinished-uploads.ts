import { besideDatabase } from '../beside-database.ts';
import { readEntries, writeEntry } from '../private-json.ts';

/** A file as it was when its upload began; another one is not continued. */
export interface FileVersion {
  size: number;
  /** Epoch milliseconds. */
  modified: number;
}

interface Unfinished extends FileVersion {
  uploadUrl: string;
  /** ISO 8601. */
  expires: string;
}

/**
 * Where uploads that broke off can go on, kept beside the database until they are complete. An upload's address needs no
 * token: whoever reads it can write that one file, so the file is the owner's alone.
 */
export class UnfinishedUploads {
  readonly #file: string;

  constructor(db: string) {
    this.#file = besideDatabase(db, '.uploads.json');
  }

  /** The address of the upload, where it is still open and of the same file. */
  find(name: string, { size, modified }: FileVersion): string | undefined {
    const found = readEntries(this.#file)[name] as Partial<Unfinished> | undefined;
    const isSame = found?.size === size && found.modified === modified;
    const isOpen = Date.parse(found?.expires ?? '') > Date.now();
    return isSame && isOpen && typeof found.uploadUrl === 'string' ? found.uploadUrl : undefined;
  }

  keep(name: string, { size, modified, uploadUrl, expires }: Unfinished): void {
    this.#write(name, { size, modified, uploadUrl, expires });
  }

  forget(name: string): void {
    this.#write(name, undefined);
  }

  #write(name: string, entry: Unfinished | undefined): void {
    try {
      writeEntry(this.#file, name, entry);
    } catch {
      // Then an upload that breaks off starts again from its beginning.
    }
  }
}
