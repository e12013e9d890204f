/**
 * Builds the package in the working directory: `node ../../scripts/build.ts ENTRY…`, each a file of `src/` without its ending.
 *
 * tsc checks and writes the declarations; the JavaScript becomes one file per entry, with a file of its own only for what is
 * imported dynamically, because what a program pays at its start is counted in files. Entries share no file either.
 */
import { globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { tool } from './tool.ts';

const entries = process.argv.slice(2);
const { dependencies = {}, peerDependencies = {}, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const packages = Object.keys({ ...dependencies, ...peerDependencies });
const isLibrary = '.' in exports;

rmSync('dist', { recursive: true, force: true });
process.exitCode = tool('tsc', ['-p', 'tsconfig.build.json', isLibrary ? '--emitDeclarationOnly' : '--noEmit']);
if (process.exitCode === 0) {
  for (const entry of entries) await bundle(entry);
  keepReachedDeclarations();
}

/** Whether an import leads to a dependency, which has to stay one. */
function external(id: string): boolean {
  return packages.some((name) => id === name || id.startsWith(`${name}/`));
}

async function bundle(entry: string): Promise<void> {
  const input = { [entry]: `src/${entry}.ts` };
  // A program's entry may export, to its own later files, what a library's users must not see.
  const preserveEntrySignatures = isLibrary ? 'exports-only' : 'allow-extension';
  const transform = { target: 'node22.19' };
  const build = await rolldown({ input, external, platform: 'node', transform, preserveEntrySignatures });
  await build.write({ dir: 'dist', format: 'esm', sourcemap: true, chunkFileNames: '[name].js' });
  await build.close();
}

/** tsc declares every module; users need those that an entry leads to. */
function keepReachedDeclarations(): void {
  const reached = new Set<string>();
  const reach = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file).add(`${file}.map`);
    const imports = readFileSync(file, 'utf8').matchAll(/\b(?:from |import\()'(\..+?)\.ts'/g);
    for (const [, path = ''] of imports) reach(join(dirname(file), `${path}.d.ts`));
  };
  if (isLibrary) for (const entry of entries) reach(join('dist', `${entry}.d.ts`));
  for (const file of globSync('dist/**/*.d.ts{,.map}')) if (!reached.has(file)) rmSync(file);
}
