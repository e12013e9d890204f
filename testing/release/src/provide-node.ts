import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { plainEnvironment, run } from './run.ts';

const cache = resolve(import.meta.dirname, '../node_modules/.cache');

/** The executable of another Node, from the package `node` of npm. The first call downloads it. `range`: as for npm, `22.19`. */
export async function provideNode(range: string): Promise<string> {
  const folder = join(cache, `node-${range}`);
  const executable = join(folder, 'node_modules/node/bin/node');
  if (!existsSync(executable)) {
    mkdirSync(folder, { recursive: true });
    // Its install script links the executable of this platform.
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }');
    await run('npm', ['install', '--no-audit', '--no-fund', `node@${range}`], { cwd: folder, env: plainEnvironment() });
  }
  return executable;
}
