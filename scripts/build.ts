/**
 * Builds the package in the working directory: `node ../../scripts/build.ts ENTRY… [--inline SPECIFIER]… [--together FILE]…`
 *
 * An ENTRY is a file of `src/` without its ending. A SPECIFIER is an entry of a dependency, for example `shared-token/usable-token`: its
 * code is copied into ours, because a program that starts often pays for each file that it loads. The dependency stays in `dependencies`,
 * because the declarations may import its types. Do not inline a module with state, or with a class that our users meet: they could
 * then have two of them. `better-sqlite3` needs more than that, see inline-better-sqlite3.ts.
 *
 * A FILE is one of `src/` that a program's entry imports dynamically. What it imports becomes one file, although others import parts
 * of that too.
 *
 * tsc checks the types and writes the declarations. The JavaScript becomes one file per entry; only what is imported dynamically gets
 * a file of its own, and one file has what an entry and those share. Entries share no file, for the same reason. Comments are in
 * `src/` and in the declarations.
 */
import { globSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChunkingContext, type CodeSplittingGroup, type CodeSplittingNameFunction, rolldown } from 'rolldown';
import { inlineBetterSqlite3 } from './inline-better-sqlite3.ts';
import { tool } from './tool.ts';

const { values, positionals: entries } = parseArgs({
  options: {
    inline: { type: 'string', multiple: true, default: [] },
    together: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
});
const { dependencies, peerDependencies, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const packages = Object.keys({ ...dependencies, ...peerDependencies });
const isLibrary = '.' in exports;
/** What rolldown itself adds for syntax that our oldest Node lacks. It becomes part of the file. */
const rolldownHelpers = '@oxc-project/runtime/';
const neverImported = new Set(values.inline);

rmSync('dist', { recursive: true, force: true });
// The declarations of others, which take most of the time, are left to `check.ts`.
process.exitCode = tool('tsc', [
  '-p',
  'tsconfig.build.json',
  '--skipLibCheck',
  isLibrary ? '--emitDeclarationOnly' : '--noEmit',
]);
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
    plugins: values.inline.includes('better-sqlite3') ? [inlineBetterSqlite3()] : [],
  });
  await build.write({
    dir: 'dist',
    format: 'esm',
    sourcemap: true,
    chunkFileNames: '[name].js',
    comments: { jsdoc: false },
    codeSplitting: {
      groups: isLibrary ? [sharedByEntry(entry)] : values.together.map((file) => together(entry, file)),
    },
  });
  await build.close();
}

/**
 * One file for what a library's entry has in common with what is imported dynamically, and for what those have in common. A
 * program's entry is that file itself.
 */
function sharedByEntry(entry: string): CodeSplittingGroup {
  const entryFile = join(process.cwd(), 'src', `${entry}.ts`);
  return { name: (id) => (id === entryFile ? null : 'shared'), debugName: 'shared', minShareCount: 2 };
}

/** One file for what `file` imports, without what the entry imports. `file` itself gets the file that dynamic imports get. */
function together(entry: string, file: string): CodeSplittingGroup {
  const [entryFile, start] = [entry, file].map((name) => join(process.cwd(), 'src', `${name}.ts`)) as [string, string];
  const reachedFrom = (from: string, context: ChunkingContext, reached = new Set<string>()): Set<string> => {
    if (reached.has(from)) return reached;
    reached.add(from);
    for (const imported of context.getModuleInfo(from)?.importedIds ?? []) reachedFrom(imported, context, reached);
    return reached;
  };
  const name: CodeSplittingNameFunction = (id, context) => {
    const isPart = id !== start && reachedFrom(start, context).has(id) && !reachedFrom(entryFile, context).has(id);
    return isPart ? `${basename(file)}-parts` : null;
  };
  return { name, debugName: file, includeDependenciesRecursively: false };
}

/** Whether an import stays an import. Throws if a user of the package would not have what it names. */
function isExternal(id: string, importer: string | undefined): boolean {
  const isOwn = id.startsWith('.') || id.startsWith('\0') || isAbsolute(id) || id.startsWith(rolldownHelpers);
  if (importer === undefined || isOwn) return false;
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
