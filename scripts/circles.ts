import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { importedSpecifiers } from './imports.ts';

/** The files that this check covers. */
const sources = ['packages/*/src/**/*.ts', 'testing/*/src/**/*.ts', 'scripts/*.ts'];

/**
 * Lists the import cycles among the files under `root`, a line each: `a.ts → b.ts → a.ts`. Every set of files with a cycle gives at least
 * one line; break that cycle and run the check again.
 */
export function findFileCircles(root: string): string[] {
  const circles: string[] = [];
  const seen = new Set<string>();
  const follow = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push([...path.slice(start), file].join(' → '));
    if (seen.has(file)) return;
    seen.add(file);
    for (const imported of importedFiles(root, file)) follow(imported, [...path, file]);
  };
  for (const file of globSync(sources, { cwd: root }).sort()) follow(file.replaceAll('\\', '/'), []);
  return circles;
}

/** The files that a file imports by a relative path, as paths from `root`. */
function importedFiles(root: string, file: string): string[] {
  return importedSpecifiers(readFileSync(join(root, file), 'utf8'))
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(file), specifier))
    .filter((imported) => imported.endsWith('.ts') && existsSync(join(root, imported)));
}
