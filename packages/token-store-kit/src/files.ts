/** For stores that keep their records in a file: files that only their owner can use, and errors that name them. */
export {
  accessError,
  because,
  creationError,
  damaged,
  type Failure,
  fileError,
  fileFailures,
  openError,
  systemCode,
} from './files/file-error.ts';
export { type FileSystem, inspectFileSystem, readIfThere } from './files/file-system.ts';
export { ownNamespace } from './files/pid-namespace.ts';
export {
  changeDirectory,
  type FileStats,
  type FoundFile,
  findFile,
  makeDirectories,
  type Owner,
  openPrivateFile,
  pinFile,
  refusePlanted,
  removeIfThere,
  usePrivateFile,
} from './files/private-file.ts';
