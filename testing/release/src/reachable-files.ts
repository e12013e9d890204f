import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { PackedPackage } from './packed-package.ts';

export interface Reached {
  /** Files that something in the package leads to. */
  readonly files: ReadonlySet<string>;
  /** What leads nowhere: `file: what it names`. */
  readonly dangling: readonly string[];
}

/**
 * Follows everything that a package's users can reach from its manifest: what `exports`, `bin` and `types` name, what those
 * files import, their maps, the sources that a map names, and what those import.
 */
export function reachFiles({ folder, manifest, files }: PackedPackage): Reached {
  const reached = new Set<string>();
  const dangling: string[] = [];
  const dependencies = Object.keys(manifest.dependencies ?? {});
  const follow = (target: string, from: string): void => {
    const file = posix.normalize(target);
    if (reached.has(file)) return;
    // The map of a file into which the build has copied code of a dependency (`--inline` of scripts/build.ts).
    if (from.endsWith('.map') && dependencies.some((name) => file.startsWith(`../${name}/`))) return;
    if (!files.has(file)) {
      dangling.push(`${from}: ${target}`);
      return;
    }
    reached.add(file);
    const text = readFileSync(join(folder, file), 'utf8');
    // It says whether the scripts beside it are modules.
    const marker = posix.join(posix.dirname(file), 'package.json');
    if (files.has(marker)) reached.add(marker);
    for (const reference of referencesOf(file, text)) {
      follow(posix.join(posix.dirname(file), reference), file);
    }
  };
  for (const target of targetsOf([manifest.exports, manifest.bin, manifest.types])) follow(target, 'package.json');
  return { files: reached, dangling };
}

/** The paths in a manifest's field, however deep its conditions are. */
function targetsOf(field: unknown): string[] {
  if (typeof field === 'string') return [field];
  return Object.values(field ?? {}).flatMap(targetsOf);
}

function referencesOf(file: string, text: string): string[] {
  if (file.endsWith('.map')) {
    const { sourceRoot = '', sources } = JSON.parse(text);
    return sources.map((source: string) => sourceRoot + source);
  }
  if (!/\.[cm]?[jt]s$/.test(file)) return [];
  // What a comment shows as an example is not an import; the one at the end names the map.
  const code = text.replaceAll(/^\s*(?:\/\*\*|\*|\/\/(?!# )).*$/gm, '');
  const imports = code.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\(|\bnew URL\()\s*['"](\.[^'"]+)['"]/g);
  const maps = code.matchAll(/^\/\/# sourceMappingURL=(\S+)/gm);
  return [...imports, ...maps].map(([, reference = '']) => declarationOf(file, reference));
}

/** A declaration imports `./x.js` and means `./x.d.ts`. */
function declarationOf(file: string, reference: string): string {
  return file.endsWith('.d.ts') ? reference.replace(/\.[jt]s$/, '.d.ts').replace(/\.d\.d\.ts$/, '.d.ts') : reference;
}
