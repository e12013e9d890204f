import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root folder of the repository. */
export const root = join(import.meta.dirname, '../../..');

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export interface Manifest {
  name: string;
  scripts?: Record<string, string>;
  files?: string[];
  exports?: Record<string, string | { types: string; default: string }>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** The `package.json` of a folder. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readText(join(folder, 'package.json')));
}

const lock = readText('pnpm-lock.yaml');

/** Whether a package of npm is installed for some package of the workspace, also indirectly. */
export function isInstalled(name: string): boolean {
  return lock.includes(`\n  '${name}@`) || lock.includes(`\n  ${name}@`);
}
