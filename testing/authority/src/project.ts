import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runNode } from './node-process.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A new project with these files, that has installed the package in the folder `root` as it is built, and some of its dependencies. */
export function newProject(root: string, dependencies: readonly string[], files: Record<string, string>): string {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('build the package first: turbo run build');
  const project = temporaryDirectory();
  install(root, join(project, 'node_modules', basename(root)));
  for (const name of dependencies) install(join(root, 'node_modules', name), join(project, 'node_modules', name));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  return project;
}

/** Runs Node with these arguments, such as a file, in a project. */
export async function runIn(
  project: string,
  args: string | readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await runNode([args].flat(), env, { timeout: 30_000, cwd: project });
  return { status, stdout, stderr };
}

/** Links the folder. Or copies it, because wine makes no junctions. */
function install(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  try {
    symlinkSync(target, path, 'junction');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    cpSync(target, path, { recursive: true });
  }
}
