import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newProject } from 'testing-authority/project';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The code blocks of a language on a page of this repository. */
export function samplesOf(page: string, language: string): string[] {
  const text = readFileSync(join(root, '../..', page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code = '']) => code);
}

/** A project that has installed the package, and what is used with it. */
export function projectWith(files: Record<string, string>): string {
  const compilerOptions = { noEmit: true, noUnusedLocals: false };
  const config = { extends: join(root, '../../tsconfig.base.json'), compilerOptions, include: ['*.ts'] };
  const dependencies = ['shared-token', 'pg', 'kubernetes-types', '@types/node'];
  return newProject(root, dependencies, { 'tsconfig.json': JSON.stringify(config), ...files });
}

/** What the compiler says of a project: nothing if all is well. Without `@types/pg`, as for a user who has not installed it. */
export function compile(folder: string): string {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
  return stdout;
}
