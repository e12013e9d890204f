/**
 * Builds the package in the working directory: `node ../../scripts/build.ts ENTRY…`, each a file of `src/` without its ending.
 *
 * tsc checks and writes the declarations; the JavaScript becomes one file per entry, with a file of its own only for what is
 * imported dynamically, because what a program pays at its start is counted in files.
 */
import { readFileSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { tool } from './tool.ts';

const entries = process.argv.slice(2);
const { dependencies = {}, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const emit = '.' in exports ? '--emitDeclarationOnly' : '--noEmit';

rmSync('dist', { recursive: true, force: true });
process.exitCode = tool('tsc', ['-p', 'tsconfig.build.json', emit]);
if (process.exitCode === 0) {
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
    external: Object.keys(dependencies),
    platform: 'node',
    transform: { target: 'node22.19' },
  });
  await bundle.write({ dir: 'dist', format: 'esm', sourcemap: true, chunkFileNames: '[name].js' });
  await bundle.close();
}
