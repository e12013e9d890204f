import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Lists each `instanceof` of a built-in class in the packages under `root`: `file:line: instanceof Error`. Such a test is false for a value
 * of another realm: under Jest and Vitest's `vmThreads`, each system error is such a value.
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
