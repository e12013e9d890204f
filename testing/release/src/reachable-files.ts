import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { PackedPackage } from './packed-package.ts';

export interface Reached {
  /** The files that can be reached. */
  readonly files: ReadonlySet<string>;
  /** References to files that are missing: `file: reference`. */
  readonly dangling: readonly string[];
}

/**
 * Finds the files that a user of a package can reach from its manifest: the files in `exports`, `bin` and `types`, the programs that the
 * package starts, and their imports, source maps, and sources with their imports.
 */
export function reachFiles({ folder, manifest, files }: PackedPackage): Reached {
  const reached = new Set<string>();
  const dangling: string[] = [];
  const follow = (target: string, from: string): void => {
    const file = posix.normalize(target);
    if (reached.has(file)) return;
    if (!files.has(file)) {
      dangling.push(`${from}: ${target}`);
      return;
    }
    reached.add(file);
    const text = readFileSync(join(folder, file), 'utf8');
    // package.json says whether the scripts in its folder are modules.
    const marker = posix.join(posix.dirname(file), 'package.json');
    if (files.has(marker)) reached.add(marker);
    for (const reference of referencesOf(file, text)) {
      follow(posix.join(posix.dirname(file), reference), file);
    }
  };
  // Only the build script names the programs that the package starts.
  const { build = '' } = (manifest.scripts ?? {}) as Record<string, string>;
  const programs = build
    .split(' ')
    .slice(2)
    .map((name) => `dist/${name}.js`);
  for (const target of targetsOf([manifest.exports, manifest.bin, manifest.types, programs]))
    follow(target, 'package.json');
  return { files: reached, dangling };
}

/** The paths in a field of a manifest, also within conditions. */
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
  // An import in a comment is an example. The comment `//# sourceMappingURL` is needed.
  const code = text.replaceAll(/^\s*(?:\/\*\*|\*|\/\/(?!# )).*$/gm, '');
  const imports = code.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\(|\bnew URL\()\s*['"](\.[^'"]+)['"]/g);
  const maps = code.matchAll(/^\/\/# sourceMappingURL=(\S+)/gm);
  return [...imports, ...maps].map(([, reference = '']) => declarationOf(file, reference));
}

/** In a declaration, `./x.js` means `./x.d.ts`. */
function declarationOf(file: string, reference: string): string {
  return file.endsWith('.d.ts') ? reference.replace(/\.[jt]s$/, '.d.ts').replace(/\.d\.d\.ts$/, '.d.ts') : reference;
}
