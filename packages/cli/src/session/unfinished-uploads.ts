import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { UnfinishedUpload, UploadSessions } from 'onedrive-graph';
import { dataFolder } from '../settings/database-name.ts';
import { readEntries, realDatabase, writeEntries } from '../settings/private-files.ts';
import type { Settings } from '../settings/settings.ts';
import { fileFailure } from '../terminal/failure.ts';

/** Where the token of an upload came from. */
type TokenPlace = Pick<Settings, 'app' | 'db' | 'socket'>;

/**
 * Keeps the addresses of unfinished uploads in a file in the data folder, until the uploads are complete. An upload address works without
 * a token, so only the file's owner can read it, and only the same account can continue the upload. undefined without a home folder, or
 * if the account is not known.
 */
export function unfinishedUploads(place: TokenPlace, account: string | undefined): UploadSessions | undefined {
  const file = uploadsFile();
  if (file === undefined || account === undefined) return undefined;
  const keyOf = (name: string): string => `${placeKey(place)}${JSON.stringify([account, name])}`;
  const write = (name: string, upload: UnfinishedUpload | undefined): void => {
    try {
      writeUploads(file, { ...readEntries(file), [keyOf(name)]: upload });
    } catch {
      // Then an interrupted upload starts again from its beginning.
    }
  };
  return {
    // onedrive-graph validates the entry.
    get: (name) => readEntries(file)[keyOf(name)] as UnfinishedUpload | undefined,
    set: write,
    delete: (name) => write(name, undefined),
  };
}

/** Deletes the addresses of uploads whose token came from `place`. Throws a Failure if the file cannot be written. */
export function forgetUploads(place: TokenPlace): void {
  const file = uploadsFile();
  const entries = Object.entries(file === undefined ? {} : readEntries(file));
  const kept = entries.filter(([key]) => !key.startsWith(placeKey(place)));
  if (file === undefined || kept.length === entries.length) return;
  try {
    writeUploads(file, Object.fromEntries(kept));
  } catch (error) {
    throw fileFailure('write', file, error);
  }
}

function uploadsFile(): string | undefined {
  const folder = dataFolder();
  return folder && join(folder, 'uploads.json');
}

function placeKey({ app, db, socket }: TokenPlace): string {
  return JSON.stringify([socket ?? realDatabase(db), app]);
}

/** Leaves out uploads that have expired at Graph. */
function writeUploads(file: string, uploads: Readonly<Record<string, unknown>>): void {
  const open = Object.entries(uploads).filter(([, upload]) => Object(upload).expiresAt > Date.now());
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeEntries(file, Object.fromEntries(open));
}
