import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full name of a program on PATH. Undefined if there is none. */
export function findProgram(name: string): string | undefined {
  return findExecutable((process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)));
}

/** The first of some files that can be run. */
export function findExecutable(files: readonly string[]): string | undefined {
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
