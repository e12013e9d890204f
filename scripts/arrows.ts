import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';

/** What each published package may import besides itself: the table of the public contract. */
const allowed: Record<string, { packages: readonly string[]; builtins: boolean }> = {
  'pkce-state': { packages: [], builtins: false },
  'loopback-acceptor': { packages: ['pkce-state'], builtins: true },
  'token-store-kit': { packages: [], builtins: true },
  'token-store-sqlite': { packages: ['token-store-kit', 'better-sqlite3'], builtins: true },
  'shared-token': { packages: ['token-store-kit'], builtins: true },
  'onedrive-graph': { packages: [], builtins: true },
  'onedrive-token-handler': {
    packages: ['pkce-state', 'loopback-acceptor', 'shared-token', 'token-store-sqlite', 'undici', 'open'],
    builtins: true,
  },
  'onedrive-token': {
    packages: ['onedrive-token-handler', 'onedrive-graph', 'commander', 'uqr', '@napi-rs/keyring'],
    builtins: true,
  },
};

const dependencyFields = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const;
type Manifest = { name: string } & { [field in (typeof dependencyFields)[number]]?: Record<string, string> };

/** Every dependency or import under `root`/packages that points the wrong way, a line each. */
export function findWrongArrows(root: string): string[] {
  const wrong: string[] = [];
  for (const file of globSync('packages/*/package.json', { cwd: root }).sort()) {
    const manifest: Manifest = JSON.parse(readFileSync(join(root, file), 'utf8'));
    const rule = allowed[manifest.name];
    if (!rule) {
      wrong.push(`${file}: ${manifest.name} has no rule in scripts/arrows.ts`);
      continue;
    }
    const declared = dependencyFields.flatMap((field) => Object.keys(manifest[field] ?? {}));
    for (const dependency of declared) {
      if (!rule.packages.includes(dependency)) wrong.push(`${file}: ${manifest.name} must not depend on ${dependency}`);
    }
    const folder = file.slice(0, -'/package.json'.length);
    for (const source of globSync(`${folder}/{src,bin}/**/*.{ts,js,cjs}`, { cwd: root }).sort()) {
      for (const imported of importedPackages(readFileSync(join(root, source), 'utf8'))) {
        if (isBuiltin(imported)) {
          if (!rule.builtins) wrong.push(`${source}: ${manifest.name} must not import ${imported}`);
        } else if (!rule.packages.includes(imported)) {
          wrong.push(`${source}: ${manifest.name} must not import ${imported}`);
        } else if (!declared.includes(imported)) {
          wrong.push(`${source}: ${imported} is not among the dependencies of ${manifest.name}`);
        }
      }
    }
  }
  return wrong;
}

function isBuiltin(name: string): boolean {
  return name.startsWith('node:') || builtinModules.includes(name);
}

/** The packages that a source imports, statically, dynamically, by `require` or as a type. */
function importedPackages(source: string): string[] {
  const specifiers = source.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\w*\()\s*['"]([^'"]+)['"]/g);
  const packages = [...specifiers]
    .map(([, specifier]) => specifier as string)
    .filter((specifier) => !specifier.startsWith('.'))
    .map((specifier) => /^(?:node:[\w/]+|@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] ?? specifier);
  return [...new Set(packages)];
}
