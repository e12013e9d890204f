import { TokenStoreError, type TokenStoreErrorCode, type TokenStoreErrorReason } from '../token-store-error.ts';
import { fs } from './node-fs.ts';

/** What is wrong with a file. `problem` continues a message that begins with the path. */
export type Failure = readonly [
  code: TokenStoreErrorCode,
  reason: TokenStoreErrorReason | undefined,
  problem: string,
  remedy: string,
];

/** The error about the file at `path`. The problem begins with the path, and ends with the code of the cause, if any. */
export function fileError(path: string, [code, reason, problem, remedy]: Failure, cause?: unknown): TokenStoreError {
  const detail = systemCode(cause);
  const text = `${path}: ${problem}${detail ? ` (${detail})` : ''}`;
  return new TokenStoreError(code, text, { reason, remedy, path, cause });
}

const noSpace = 'the disk is full, and nothing was changed';
const freeSpace = 'Free some space, or delete files if there are too many (`df -i`), and try again';
const allowWrites = 'Let the user who runs this program write the file and its directory, or choose another file';
const mountedSo = 'cannot be written: the file system is read-only';
const allowReads = 'Check that it is a file, and that this user may read it and enter its directories';
const checkDisk = 'Check the disk, its quota, and that the file is on a local file system';
const makeDirectory = 'Make it for the user who runs this program, or choose another file';
const raiseLimit = 'Close some files, or raise the limit (ulimit -n)';
const noTarget = 'is a symbolic link to a file that does not exist';

/** What can be wrong with any store that is a file. */
export const fileFailures = {
  full: ['STORE_FULL', undefined, noSpace, freeSpace],
  readOnly: ['STORE_READONLY', undefined, 'cannot be written', allowWrites],
  readOnlyFileSystem: ['STORE_READONLY', 'read-only-file-system', mountedSo, 'Choose a file on another file system'],
  cannotOpen: ['STORE_OPEN', undefined, 'cannot be opened', allowReads],
  noDirectory: ['STORE_OPEN', 'no-permission', 'its directory cannot be made', makeDirectory],
  tooManyOpen: ['STORE_OPEN', undefined, 'cannot be opened, because too many files are open', raiseLimit],
  nameTooLong: ['STORE_OPEN', undefined, 'the name is too long', 'Choose a file with a shorter name'],
  diskFailed: ['STORE_OPEN', 'disk', 'the system could not read or write it', checkDisk],
  notAFile: ['STORE_OPEN', 'not-a-file', 'is not a file', 'Choose the name of a file'],
  danglingLink: ['STORE_OPEN', 'not-a-file', noTarget, 'Remove the link, or make the file it points to'],
  moved: ['STORE_OPEN', 'moved', 'was moved, replaced or deleted since it was opened', 'Open it again'],
  closed: ['STORE_OPEN', 'closed', 'this store was closed', 'Open it again'],
} as const satisfies Record<string, Failure>;

/** The failure of a file with wrong content. `how` continues a message that begins with the path. */
export function damaged(how: string): Failure {
  const remedy = 'Restore it from a backup, or move it away and sign in again';
  return ['STORE_CORRUPT', 'damaged', `${how}. It was left as it is`, remedy];
}

/** The `code` of an error, such as EACCES of the system. */
export function systemCode(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** The system's code for a missing permission, for example EACCES. Undefined if this user has it. `mode`: see `fs.access`. */
export function accessError(path: string, mode: number): string | undefined {
  try {
    fs.accessSync(path, mode);
    return undefined;
  } catch (error) {
    return systemCode(error);
  }
}

const openReasons: Record<string, TokenStoreErrorReason> = {
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  EROFS: 'read-only-file-system',
  EISDIR: 'not-a-file',
  ELOOP: 'not-a-file',
  ENOTDIR: 'not-a-file',
};

/** The TokenStoreError for a file that the system did not open or find. An error that is not the system's is returned as it is. */
export function openError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || code.includes('_')) return error;
  // These two come from the attempt to make a directory.
  if (code === 'ENOSPC' || code === 'EDQUOT') return fileError(path, fileFailures.full, error);
  if (code === 'EIO' || code === 'EFBIG') return fileError(path, fileFailures.diskFailed, error);
  if (code === 'ENAMETOOLONG') return fileError(path, fileFailures.nameTooLong, error);
  if (code === 'EMFILE' || code === 'ENFILE') return fileError(path, fileFailures.tooManyOpen, error);
  const [, , problem, remedy] = code === 'EROFS' ? fileFailures.readOnlyFileSystem : fileFailures.cannotOpen;
  return fileError(path, ['STORE_OPEN', openReasons[code], problem, remedy], error);
}

/** The TokenStoreError for a file that could not be made or written. */
export function creationError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === 'EROFS') return fileError(path, fileFailures.readOnlyFileSystem, error);
  if (code === 'EACCES' || code === 'EPERM')
    return fileError(path, because('no-permission', fileFailures.readOnly), error);
  return openError(path, error);
}

/** The same failure with this reason. */
export function because(reason: TokenStoreErrorReason | undefined, [code, , problem, remedy]: Failure): Failure {
  return [code, reason, problem, remedy];
}
