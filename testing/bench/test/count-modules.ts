import { join } from 'node:path';
import { run } from './scene.ts';

/** What a process has loaded by its end. */
export interface Loaded {
  readonly stdout: string;
  /** Files that were loaded as modules, from the name of their package on. */
  readonly files: string[];
  /** How many modules of Node, in addition to those of bare Node. */
  readonly builtins: number;
}

/** Runs Node to its end. Throws if it fails. */
export async function countModules(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Loaded> {
  const preload = `--require=${join(import.meta.dirname, 'count-modules.cjs')}`;
  const [stdout, said] = await run([process.execPath, preload, ...args], env);
  const { files, builtins } = JSON.parse(said) as { files: string[]; builtins: number };
  return { stdout, files: files.map((file) => file.replace(/^.*\/(packages|node_modules)\//, '')), builtins };
}
