import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { UnfinishedUpload, UploadSessions } from 'onedrive-graph';
import { dataFolder } from '../../settings/database-name.ts';
import { readEntries, writeEntry } from '../../settings/private-files.ts';
import type { Settings } from '../../settings/settings.ts';

/**
 * Keeps the addresses of unfinished uploads in a file in the data folder, until the uploads are complete. Such an address needs
 * no token, so only the file's owner can read it. Two accounts share none. undefined without a home folder.
 */
export function unfinishedUploads({ app, db }: Pick<Settings, 'app' | 'db'>): UploadSessions | undefined {
  const folder = dataFolder();
  if (folder === undefined) return undefined;
  const file = join(folder, 'uploads.json');
  const write = (name: string, upload: UnfinishedUpload | undefined): void => {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeEntry(file, `${db} ${app} ${name}`, upload);
    } catch {
      // Then an upload that breaks off starts again from its beginning.
    }
  };
  return {
    // onedrive-graph checks what it gets.
    get: (name) => readEntries(file)[`${db} ${app} ${name}`] as UnfinishedUpload | undefined,
    set: write,
    delete: (name) => write(name, undefined),
  };
}
