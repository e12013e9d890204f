import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newProject } from 'testing-authority/project';

/** The folder of the package. */
export const root = fileURLToPath(new URL('..', import.meta.url));
export const readme = readFileSync(join(root, 'README.md'), 'utf8');
export const [storeSample = '', contractSample = '', processSample = ''] = [
  ...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm),
].map(([, code]) => code);

/** A project that has installed the package. */
export const projectWith = (files: Record<string, string>): string => newProject(root, ['@types/node'], files);
