import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const require = createRequire(import.meta.url);
/** The folder of the package. */
export const root = fileURLToPath(new URL('..', import.meta.url));
export const readme = readFileSync(join(root, 'README.md'), 'utf8');
export const [storeSample = '', contractSample = '', processSample = ''] = [
  ...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm),
].map(([, code]) => code);

const directories: string[] = [];
test.after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

/** A project that has installed the package as it is built. */
export function newProject(files: Record<string, string>): string {
  assert.ok(existsSync(join(root, 'dist/index.js')), 'build the package first: turbo run build');
  const directory = mkdtempSync(join(tmpdir(), 'token-store-kit-'));
  directories.push(directory);
  mkdirSync(join(directory, 'node_modules'));
  linkFolder(root, join(directory, 'node_modules/token-store-kit'));
  const types = dirname(dirname(dirname(require.resolve('@types/node/package.json'))));
  for (const name of ['@types', 'undici-types']) linkFolder(join(types, name), join(directory, 'node_modules', name));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

/** Or copies it, because wine makes no junctions. */
function linkFolder(target: string, path: string): void {
  try {
    symlinkSync(target, path, 'junction');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    cpSync(target, path, { recursive: true });
  }
}

/** Runs Node in such a project. */
export function node(directory: string, ...args: string[]): { stdout: string; stderr: string; status: number | null } {
  const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };
  return spawnSync(process.execPath, args, { cwd: directory, env, encoding: 'utf8', timeout: 30_000 });
}
