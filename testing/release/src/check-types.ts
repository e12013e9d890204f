import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { plainEnvironment, run } from './run.ts';

const require = createRequire(import.meta.url);

/** Compilers by the name of their package here. */
export const compilers = ['typescript', 'typescript-5'] as const;

/** How a project of today resolves packages, by what its tsconfig says. */
export const resolutions = [
  ['--module', 'nodenext'],
  ['--module', 'preserve', '--moduleResolution', 'bundler'],
] as const;

/** Compiles files of a project, and the declarations of every package that they reach. Rejects with the compiler's complaints. */
export async function checkTypes(
  project: string,
  files: readonly string[],
  compiler: (typeof compilers)[number],
  resolution: (typeof resolutions)[number],
): Promise<void> {
  const tsc = join(dirname(require.resolve(`${compiler}/package.json`)), 'bin/tsc');
  const types = dirname(dirname(require.resolve('@types/node/package.json')));
  const strict = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022'];
  const options = [...strict, ...resolution, '--types', 'node', '--typeRoots', types];
  await run(process.execPath, [tsc, ...options, ...files], { cwd: project, env: plainEnvironment() });
}
