import type { TokenRecord } from 'token-store-kit';
import { fileError } from 'token-store-kit/files';

/** How records stand in the text of a file. */
export interface FileFormat {
  /**
   * The records in the text, by name; undefined is no record. Throws if it is damaged: that is STORE_CORRUPT, and the file stays as it
   * is. The error itself is not shown, because it may quote tokens.
   */
  parse(text: string): Readonly<Record<string, TokenRecord | undefined>>;
  /** The new text, with these records and no other. `before` was there, undefined if there was no file: keep of it what is not yours. */
  format(records: Readonly<Record<string, TokenRecord>>, before: string | undefined): string;
}

const currentVersion = 1;

/** `{ "version": 1, "records": { "NAME": { "refreshToken": … } } }`. An empty file has no records. */
export function jsonFormat(path: string): FileFormat {
  return {
    parse(text) {
      if (text === '') return {};
      const { version, records } = JSON.parse(text) as { version: unknown; records: Record<string, TokenRecord> };
      if (version === currentVersion && Object(records) === records) return records;
      if (!(Number(version) > currentVersion)) throw new TypeError('not this format');
      const problem = `was written by a newer version of token-store-file (format ${version})`;
      throw fileError(path, ['STORE_VERSION', undefined, problem, 'Update token-store-file']);
    },
    format: (records) => `${JSON.stringify({ version: currentVersion, records }, null, 2)}\n`,
  };
}
