/**
 * Builds the package in the working directory: `node ../../scripts/build.ts ENTRY… [--inline SPECIFIER]… [--chunk NAME=FOLDER,…]…`
 *
 * An ENTRY is a file of `src/` without its ending. A SPECIFIER is an entry of a dependency, for example `shared-token/usable-token`: its
 * code is copied into ours, because a program that starts often pays for each file that it loads. The dependency stays in `dependencies`,
 * because the declarations may import its types. Do not inline a module with state or with a class: a user could then have two of them.
 *
 * A FOLDER is one of `src/`. The files in it, without those in its subfolders, become one file that is loaded when one of them is
 * needed.
 *
 * tsc checks the types and writes the declarations. The JavaScript becomes one file per entry; only what is imported dynamically gets
 * a file of its own, and one file has what an entry shares with those. Entries share no file, for the same reason. Comments are in
 * `src/` and in the declarations.
 */
import { globSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CodeSplittingGroup, type CodeSplittingNameFunction, rolldown } from 'rolldown';
import { tool } from './tool.ts';

const { values, positionals: entries } = parseArgs({
  options: {
    inline: { type: 'string', multiple: true, default: [] },
    chunk: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
});
const { dependencies, peerDependencies, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const packages = Object.keys({ ...dependencies, ...peerDependencies });
const isLibrary = '.' in exports;
/** What rolldown itself adds for syntax that our oldest Node lacks. It becomes part of the file. */
const rolldownHelpers = '@oxc-project/runtime/';
const neverImported = new Set(values.inline);

const chunks = values.chunk.map((chunk) => {
  const [name = '', folders = ''] = chunk.split('=');
  const wanted = folders.split(',').map((folder) => join(process.cwd(), 'src', folder));
  return { name, test: (id: string) => wanted.includes(dirname(id)), priority: 1 };
});

rmSync('dist', { recursive: true, force: true });
process.exitCode = tool('tsc', ['-p', 'tsconfig.build.json', isLibrary ? '--emitDeclarationOnly' : '--noEmit']);
if (process.exitCode === 0) {
  for (const entry of entries) await bundle(entry);
  keepReachedDeclarations();
  if (neverImported.size > 0) throw new Error(`--inline: no entry imports ${[...neverImported].join(', ')}`);
}

async function bundle(entry: string): Promise<void> {
  const input = { [entry]: `src/${entry}.ts` };
  // A program's entry may export more than it should to a library's users: its own later files import that.
  const preserveEntrySignatures = isLibrary ? 'exports-only' : 'allow-extension';
  const transform = { target: 'node22.19' };
  const experimental = { attachDebugInfo: 'none' } as const;
  const build = await rolldown({
    input,
    external: isExternal,
    platform: 'node',
    transform,
    preserveEntrySignatures,
    experimental,
  });
  await build.write({
    dir: 'dist',
    format: 'esm',
    sourcemap: true,
    chunkFileNames: '[name].js',
    comments: { jsdoc: false },
    codeSplitting: { groups: isLibrary ? [sharedByEntry(entry), ...chunks] : chunks },
  });
  await build.close();
}

/** One file for what a library's entry has in common with what is imported dynamically. A program's entry is that file itself. */
function sharedByEntry(entry: string): CodeSplittingGroup {
  const entryFile = join(process.cwd(), 'src', `${entry}.ts`);
  const reached = new Set<string>();
  const name: CodeSplittingNameFunction = (id, context) => {
    const reach = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const imported of context.getModuleInfo(file)?.importedIds ?? []) reach(imported);
    };
    reach(entryFile);
    const isRuntime = id.startsWith('\0rolldown/');
    return isRuntime || (reached.has(id) && id !== entryFile) ? 'shared' : null;
  };
  return { name, debugName: 'shared', minShareCount: 2, priority: 2 };
}

/** Whether an import stays an import. Throws if a user of the package would not have what it names. */
function isExternal(id: string, importer: string | undefined): boolean {
  if (importer === undefined || id.startsWith('.') || isAbsolute(id) || id.startsWith(rolldownHelpers)) return false;
  if (values.inline.includes(id)) {
    neverImported.delete(id);
    return false;
  }
  if (!isBuiltin(id) && !packages.some((name) => id === name || id.startsWith(`${name}/`))) {
    throw new Error(`${importer} imports ${id}, which is not among the dependencies`);
  }
  return true;
}

/** Deletes the declarations that no entry leads to: tsc writes one for every file. */
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
