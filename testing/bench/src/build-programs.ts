import { globSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';

const source = join(import.meta.dirname, 'programs');
const built = join(import.meta.dirname, '../dist');

/** Compiles the programs to JavaScript, so that the translation of TypeScript does not count. The measured packages stay imports. */
export async function buildPrograms(): Promise<void> {
  const shared = ['run-program.ts', 'run-graph-task.ts', 'token-file.ts', 'msal-cache.ts'];
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

/** The path of a program after `buildPrograms()`. */
export function programPath(name: string): string {
  return join(built, `${basename(name)}.js`);
}

/** The path of a file of `src/programs` that needs no compiling. */
export function scriptPath(name: string): string {
  return join(source, name);
}
