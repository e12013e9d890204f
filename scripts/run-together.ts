/**
 * Runs small test files of one package one after another in this process, so that what several of them import is loaded once:
 *
 *   node run-together.ts FILE…
 *
 * What a file prints follows a separator. The process ends with 0 if all files ran to their end, even if tests failed.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { separator } from './test-files.ts';

// If uvu is told to defer when it is loaded, `test.run()` only adds to the queue, and `exec` runs what is there.
const shared = globalThis as unknown as { UVU_DEFER: boolean; UVU_QUEUE: unknown[][] };
shared.UVU_DEFER = true;
const { exec } = await import('uvu');

for (const path of process.argv.slice(2)) {
  process.stdout.write(separator);
  shared.UVU_QUEUE = [[null]];
  await import(pathToFileURL(resolve(path)).href);
  await exec();
  process.exitCode = 0;
}
