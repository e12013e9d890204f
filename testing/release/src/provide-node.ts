import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { plainEnvironment, run } from './run.ts';

const cache = resolve(import.meta.dirname, '../node_modules/.cache');

/** The executable of another Node, from npm's `node` package for this platform. The first call downloads it. `range`: `22.19`. */
export async function provideNode(range: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cache, `node-${range}`);
  const executable = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(executable)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    await run('npm', ['install', '--no-audit', '--no-fund', `${name}@${range}`], {
      cwd: folder,
      env: plainEnvironment(),
    });
  }
  return executable;
}
