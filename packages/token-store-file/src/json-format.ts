import type { TokenRecord } from 'token-store-kit';
import { fileError } from 'token-store-kit/files';

/** Converts between records and the text of a file. */
export interface FileFormat {
  /**
   * The records in the text, by name; undefined is no record. Throws if the text is damaged: then the store throws STORE_CORRUPT and does
   * not change the file. The error of `parse` is not shown, because it may quote tokens.
   */
  parse(text: string): Readonly<Record<string, TokenRecord | undefined>>;
  /** The new text, with exactly these records. `before` is the old text, undefined without a file: keep what is not yours in it. */
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
