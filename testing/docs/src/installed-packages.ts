import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './repository.ts';

/** The folders of all packages that an installation of `name` brings, including itself, as they are installed for `folder`. */
export function installedPackages(folder: string, name: string): Set<string> {
  const found = new Set<string>();
  collect(join(root, folder), name, found);
  return found;
}

function collect(from: string, name: string, found: Set<string>): void {
  const folder = find(from, name);
  if (!folder) throw new Error(`${name} is not installed for ${from}`);
  if (found.has(folder)) return;
  found.add(folder);
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const dependency of Object.keys({ ...dependencies })) collect(folder, dependency, found);
  // Only those for this platform are installed.
  for (const dependency of Object.keys({ ...optionalDependencies })) {
    if (find(folder, dependency)) collect(folder, dependency, found);
  }
}

function find(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (folder === dirname(folder)) return undefined;
  }
}
