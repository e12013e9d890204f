import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Each `instanceof` of a built-in class in the packages under `root`: `file:line: instanceof Error`. It is false for a value of
 * another realm: under Jest and Vitest's `vmThreads`, each error of the system is one.
 */
export function findBuiltInInstanceof(root: string): string[] {
  return globSync('packages/*/src/**/*.ts', { cwd: root })
    .sort()
    .flatMap((file) => {
      const lines = readFileSync(join(root, file), 'utf8').split('\n');
      return lines.flatMap((line, index) =>
        [...line.matchAll(/\binstanceof (\w+)/g)]
          .filter(([, name = '']) => name in globalThis)
          .map(([found]) => `${file.replaceAll('\\', '/')}:${index + 1}: ${found}`),
      );
    });
}
