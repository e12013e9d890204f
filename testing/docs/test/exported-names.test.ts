/** Half a change turns red: an option, a code or a reason that a package exports, and its README does not name. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markdownFile } from '../src/markdown-file.ts';
import { readManifest, readText, root } from '../src/repository.ts';

/** Pages to which a README hands a part of the reference on. */
const furtherPages: Readonly<Record<string, readonly string[]>> = {
  'onedrive-token-handler': ['docs/handler.md'],
};

const packages = globSync('packages/*', { cwd: root }).flatMap((folder) => {
  const { name, exports = {} } = readManifest(folder);
  const readme = `${folder.replaceAll('\\', '/')}/README.md`;
  // An entry that no README names is for our other packages.
  const entries = Object.entries(exports).flatMap(([entry, target]) => {
    if (typeof target === 'string' || (entry !== '.' && !readText(readme).includes(name + entry.slice(1)))) return [];
    return [join(root, folder, target.types)];
  });
  return entries.length > 0 ? [{ name, readme, entries }] : [];
});
const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  noEmit: true,
  noLib: true,
  types: [],
  strict: true,
};
const host = ts.createCompilerHost(options);
// The types of other packages are a hundred files, and no name in them is ours.
host.resolveModuleNameLiterals = (literals, importer) =>
  literals.map(({ text }) => {
    const resolvedFileName = text.startsWith('.')
      ? join(importer, '..', text.replace(/\.ts$/, '.d.ts'))
      : packages.find(({ name }) => name === text)?.entries[0];
    return { resolvedModule: resolvedFileName ? { resolvedFileName, extension: ts.Extension.Dts } : undefined };
  });
const program = ts.createProgram(
  packages.flatMap(({ entries }) => entries),
  options,
  host,
);
const checker = program.getTypeChecker();

/** The names that a reader of the README needs: `what` it is, and its name. */
function namesOf(entry: string): { what: string; name: string }[] {
  const file = program.getSourceFile(entry);
  const module = file && checker.getSymbolAtLocation(file);
  if (!module) return [];
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    // What comes from another package is in that one's README.
    if (!symbol.declarations?.every((at) => at.getSourceFile().fileName.startsWith(join(entry, '..')))) return [];
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    if (/(Code|Reason)s?$/.test(symbol.name)) return literalsOf(type).map((name) => ({ what: symbol.name, name }));
    if (/Options$/.test(symbol.name)) {
      return type.getProperties().map(({ name }) => ({ what: symbol.name, name }));
    }
    if (!/Error$/.test(symbol.name)) return [];
    return ['code', 'reason'].flatMap((field) => {
      const property = type.getProperty(field);
      return property ? literalsOf(checker.getTypeOfSymbol(property)).map((name) => ({ what: symbol.name, name })) : [];
    });
  });
}

/** The texts of a union of them. */
function literalsOf(type: ts.Type): string[] {
  const members = type.isUnion() ? type.types : [type];
  return members.flatMap((member) => (member.isStringLiteral() ? [member.value] : []));
}

for (const { name, readme, entries } of packages) {
  const pages = [readme, ...(furtherPages[name] ?? [])];
  test(`${name}: every exported option, code and reason is in ${pages.join(' or ')}`, () => {
    const told = new Set(
      pages.flatMap((page) => markdownFile(page).inlineCode).flatMap(({ code }) => code.match(/[\w-]+/g) ?? []),
    );
    const missing = entries.flatMap(namesOf).filter((exported) => !told.has(exported.name));
    assert.equal([...new Set(missing.map((each) => `${each.what}: ${each.name}`))], []);
  });
}

for (const readme of ['README.md', ...packages.map(({ readme }) => readme)]) {
  test(`${readme} says to install what its samples import`, () => {
    const installed = [...readText(readme).matchAll(/npm install ((?:[@\w/.-]+ ?)+)/g)].flatMap(([, names = '']) =>
      names.split(' '),
    );
    const imported = markdownFile(readme).samples.flatMap(({ code }) =>
      [...code.matchAll(/ from '((?:@[\w.-]+\/)?[\w.-]+)/g)].map(([, name = '']) => name),
    );
    const missing = imported.filter((name) => !name.startsWith('.') && name !== 'node' && !installed.includes(name));
    assert.equal([...new Set(missing)], []);
  });
}

test('options, codes and reasons are found', () => {
  const found = packages.flatMap(({ entries }) => entries.flatMap(namesOf)).map(({ name }) => name);
  for (const name of ['leaseTime', 'STORE_KEY', 'key-wrong']) assert.ok(found.includes(name), name);
});

test.run();
