import { globSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';

const source = join(import.meta.dirname, 'programs');
const built = join(import.meta.dirname, '../dist');

/** Makes JavaScript of the programs, so that none of them spends its start on TypeScript. What they measure stays outside. */
export async function buildPrograms(): Promise<void> {
  const shared = ['run-program.ts', 'token-file.ts', 'msal-cache.ts'];
  const programs = globSync('*.ts', { cwd: source }).filter((file) => !shared.includes(file));
  rmSync(built, { recursive: true, force: true });
  const bundle = await rolldown({
    input: programs.map((file) => join(source, file)),
    external: (name) => !name.startsWith('.') && !name.startsWith('/') && !name.startsWith('testing-authority'),
    platform: 'node',
  });
  await bundle.write({ dir: built, format: 'esm', chunkFileNames: '[name].js' });
  await bundle.close();
}

/** Where a program is after `buildPrograms()`. */
export function programPath(name: string): string {
  return join(built, `${basename(name)}.js`);
}

/** A file of `src/programs` that runs as it is. */
export function scriptPath(name: string): string {
  return join(source, name);
}
