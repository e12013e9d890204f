/** For stores that keep their records in a file: files that only their owner can use, and errors that name the file. */
export * from './files/file-error.ts';
export * from './files/file-system.ts';
export * from './files/private-file.ts';
