import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { plainEnvironment, run } from './run.ts';

const checkout = resolve(import.meta.dirname, '../../..');

/** Copies this repository as it is on disk, without what git ignores, into `folder`, which must not exist yet. */
export async function copyCheckout(folder: string): Promise<void> {
  const listed = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: checkout,
    env: plainEnvironment(),
  });
  for (const file of new Set(listed.split('\0'))) copyIfThere(join(checkout, file), join(folder, file), file);
}

/** git also lists a file that has been deleted, if that is not committed yet. */
function copyIfThere(from: string, to: string, file: string): void {
  if (file === '') return;
  mkdirSync(dirname(to), { recursive: true });
  try {
    copyFileSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
