import { copyFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, type Format } from 'esbuild';
import { rolldown } from 'rolldown';
import { findRuntimes } from '../runtimes/find-runtimes.ts';
import { plainEnvironment, run } from './run.ts';

/** Bundles a program and all packages that it imports into one file. */
export interface Bundler {
  readonly name: string;
  /** Writes the file into `folder`, which exists. Resolves with its path. */
  bundle(program: string, folder: string): Promise<string>;
  /** The command that runs the file. Empty for an executable. */
  readonly runner: readonly string[];
}

/** The mark in Node's executable that tells whether it contains a program: https://nodejs.org/api/single-executable-applications.html */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js');
const node = [process.execPath];

/** The bundlers that work on this platform. */
export function findBundlers(): Bundler[] {
  const bundlers: Bundler[] = [
    { name: 'esbuild, as CommonJS', bundle: (...to) => byEsbuild('cjs', ...to), runner: node },
    { name: 'esbuild, as a module', bundle: (...to) => byEsbuild('esm', ...to), runner: node },
    { name: 'rolldown', bundle: byRolldown, runner: node },
  ];
  for (const { name, command, args } of findRuntimes()) {
    if (name === 'Bun') bundlers.push({ name: 'Bun', bundle: (...to) => intoBun(command, ...to), runner: [] });
    if (name === 'Deno') {
      bundlers.push({
        name: 'esbuild, for Deno',
        bundle: (...to) => byEsbuild('esm', ...to),
        runner: [command, ...args],
      });
    }
  }
  // On other platforms the executable has to be signed, or has another format.
  if (process.platform === 'linux') bundlers.push({ name: 'Node', bundle: intoNode, runner: [] });
  return bundlers;
}

/** `banner`: JavaScript for the start of the file. No option excludes better-sqlite3, because no import names it. */
export async function byEsbuild(format: Format, program: string, folder: string, banner = ''): Promise<string> {
  const outfile = join(folder, `program.${format === 'cjs' ? 'cjs' : 'mjs'}`);
  await build({
    entryPoints: [program],
    outfile,
    bundle: true,
    format,
    platform: 'node',
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
    banner: { js: banner },
  });
  return outfile;
}

async function byRolldown(program: string, folder: string): Promise<string> {
  const file = join(folder, 'program.mjs');
  const bundle = await rolldown({ input: program, platform: 'node' });
  await bundle.write({ file, codeSplitting: false });
  await bundle.close();
  return file;
}

async function intoBun(bun: string, program: string, folder: string): Promise<string> {
  const file = join(folder, 'program');
  await run(bun, ['build', '--compile', program, '--outfile', file], { cwd: folder, env: plainEnvironment() });
  return file;
}

async function intoNode(program: string, folder: string): Promise<string> {
  const file = join(folder, 'program');
  const [config, blob] = [`${file}.json`, `${file}.blob`];
  const options = { cwd: folder, env: plainEnvironment() };
  const main = await byEsbuild('cjs', program, folder);
  writeFileSync(config, JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true }));
  await run(process.execPath, ['--experimental-sea-config', config], options);
  copyFileSync(process.execPath, file);
  await run(process.execPath, [postject, file, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', sentinelFuse], options);
  return file;
}
