import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** The code blocks of a language on a page of this repository. */
export function samplesOf(page: string, language: string): string[] {
  const text = readFileSync(join(root, '../..', page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code = '']) => code);
}

/** A project that has installed the package as it is built, and what is used with it. */
export function newProject(files: Record<string, string>): string {
  assert.ok(existsSync(join(root, 'dist/index.js')), 'build the package first: turbo run build');
  const folder = mkdtempSync(join(tmpdir(), 'project-'));
  folders.push(folder);
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules/token-store-postgres'), 'junction');
  for (const name of ['shared-token', 'pg', 'kubernetes-types', '@types/node']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const compilerOptions = { noEmit: true, noUnusedLocals: false };
  const config = { extends: join(root, '../../tsconfig.base.json'), compilerOptions, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** What the compiler says of a project: nothing if all is well. Without `@types/pg`, as for a user who has not installed it. */
export function compile(folder: string): string {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
  return stdout;
}

/** Runs a file of a project to its end. It is killed after 20 seconds. */
export async function run(folder: string, file: string, env: NodeJS.ProcessEnv) {
  const cached = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };
  const child = spawn(process.execPath, [file], { cwd: folder, env: { ...cached, ...env }, timeout: 20_000 });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const [code] = await once(child, 'close');
  return { stdout, stderr, code };
}
