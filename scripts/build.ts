/**
 * Builds the package in the working directory: `node ../../scripts/build.ts [ENTRY…]`
 *
 * The entries are the files that `exports` of the manifest names, and each ENTRY: a program in `src/`, named without its file ending. Every
 * dependency stays an import, also one of this repository: `check` compares the imports with the manifest. The JavaScript has no comments:
 * they are in `src/` and in the declarations, which tsc writes.
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
// Checking the declarations of dependencies takes most of the time, so `check.ts` does that.
const emit = isLibrary ? '--emitDeclarationOnly' : '--noEmit';
process.exitCode = tool('tsc', ['-p', 'tsconfig.build.json', '--skipLibCheck', emit]);
if (process.exitCode === 0) {
  await build({
    input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
    external: isOfOthers,
    // In a program, files that are imported later may import from the entry itself.
    preserveEntrySignatures: isLibrary ? 'exports-only' : 'allow-extension',
    platform: 'node',
    transform: { target: 'node22.12' },
    output: { dir: 'dist', chunkFileNames: '[name].js', sourcemap: true, comments: { jsdoc: false } },
  });
}

/** Whether an import stays an import. Helpers that the compiler adds for syntax that our oldest Node lacks are bundled. */
function isOfOthers(id: string): boolean {
  return !/^[.\0]/.test(id) && !isAbsolute(id) && !id.startsWith('@oxc-project/runtime/');
}
