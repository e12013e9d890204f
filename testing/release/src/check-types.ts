import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { plainEnvironment, run } from './run.ts';

const require = createRequire(import.meta.url);

/** The compilers, by the names of their packages here. */
export const compilers = ['typescript', 'typescript-5'] as const;

/** The ways in which a project may resolve packages: options of its tsconfig. */
export const resolutions = [
  ['--module', 'nodenext'],
  ['--module', 'preserve', '--moduleResolution', 'bundler'],
] as const;

const nodeTypes = ['--types', 'node', '--typeRoots', dirname(dirname(require.resolve('@types/node/package.json')))];

/**
 * Checks the types of files of a project, and of every declaration that they import. Rejects with the errors of the compiler. `types`: the
 * compiler options that select the types of Node.
 */
export async function checkTypes(
  project: string,
  files: readonly string[],
  compiler: (typeof compilers)[number],
  resolution: (typeof resolutions)[number],
  types: readonly string[] = nodeTypes,
): Promise<void> {
  const tsc = join(dirname(require.resolve(`${compiler}/package.json`)), 'bin/tsc');
  // Skip TypeScript's own declarations: they are not ours, and take half of the time.
  const strict = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--skipDefaultLibCheck', '--target', 'es2022'];
  const options = [...strict, ...resolution, ...types];
  await run(process.execPath, [tsc, ...options, ...files], { cwd: project, env: plainEnvironment() });
}
