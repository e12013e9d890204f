/**
 * Builds the package in the working directory: `node ../../scripts/build.ts [ENTRY…]`
 *
 * Its entries are the files that `exports` of the manifest names, and each ENTRY, a file of `src/` without its ending, which is a program.
 * Every dependency stays an import, those of this repository included: `check` holds them against the manifest. The JavaScript has no
 * comments: they are in `src/` and in the declarations, which tsc writes.
 */
import { readFileSync, rmSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { build } from 'rolldown';
import { tool } from './tool.ts';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> };
const isLibrary = '.' in exports;
const exported = [...JSON.stringify(exports).matchAll(/"\.\/dist\/([\w-]+)\.js"/g)].map(([, name = '']) => name);
const entries = [...exported, ...process.argv.slice(2)];

rmSync('dist', { recursive: true, force: true });
// The declarations of others, which take most of the time, are left to `check.ts`.
const emit = isLibrary ? '--emitDeclarationOnly' : '--noEmit';
process.exitCode = tool('tsc', ['-p', 'tsconfig.build.json', '--skipLibCheck', emit]);
if (process.exitCode === 0) {
  await build({
    input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
    external: isOfOthers,
    // Of a program, the files that are imported later may import from the entry itself.
    preserveEntrySignatures: isLibrary ? 'exports-only' : 'allow-extension',
    platform: 'node',
    transform: { target: 'node22.12' },
    output: { dir: 'dist', chunkFileNames: '[name].js', sourcemap: true, comments: { jsdoc: false } },
  });
}

/** What the compiler itself adds for syntax that our oldest Node lacks becomes part of the file. */
function isOfOthers(id: string): boolean {
  return !/^[.\0]/.test(id) && !isAbsolute(id) && !id.startsWith('@oxc-project/runtime/');
}
