import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { importedSpecifiers } from './imports.ts';

/** What a package may import besides its own files. */
interface Rule {
  /** Packages of this repository, each from a lower floor. */
  readonly below?: readonly string[];
  /** Packages from npm. */
  readonly npm?: readonly string[];
  /** Whether it may import Node's own modules. Default true. */
  readonly builtins?: boolean;
}

/** A floor: its packages by name. Packages of one floor must not import each other. */
type Floor = Readonly<Record<string, Rule>>;

/** The published packages, the highest floor first. Every arrow of the dependencies points down. */
const house: readonly Floor[] = [
  {
    'onedrive-token': {
      below: ['onedrive-token-handler', 'onedrive-graph', 'token-store-postgres'],
      npm: ['commander', 'is-in-ssh', 'is-wsl', '@napi-rs/keyring', 'pg'],
    },
  },
  {
    'onedrive-token-handler': {
      below: ['shared-token', 'token-store-sqlite', 'token-store-kit', 'loopback-acceptor', 'pkce-state'],
      npm: ['undici', 'open'],
    },
    'onedrive-graph': {},
    'shared-token-mcp': {
      below: ['shared-token', 'loopback-acceptor', 'pkce-state'],
      npm: ['@modelcontextprotocol/client', '@modelcontextprotocol/sdk'],
    },
  },
  {
    'shared-token': { below: ['token-store-kit'] },
    'token-store-sqlite': { below: ['token-store-kit'], npm: ['better-sqlite3'] },
    'token-store-file': { below: ['token-store-kit'] },
    'token-store-postgres': { below: ['token-store-kit'], npm: ['pg', 'pgpass'] },
  },
  {
    'token-store-kit': {},
    'loopback-acceptor': { below: ['pkce-state'] },
  },
  {
    // pkce-state also runs in browsers, so it may not import what only Node has.
    'pkce-state': { builtins: false },
  },
];

const dependencyFields = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const;
type Manifest = { name: string } & { [field in (typeof dependencyFields)[number]]?: Record<string, string> };

/**
 * Lists every dependency and every import of the packages under `root` that the floors do not allow, a line each. `floors` replaces the
 * floors of this repository in a test.
 */
export function findWrongArrows(root: string, floors: readonly Floor[] = house): string[] {
  const manifests = globSync('packages/*/package.json', { cwd: root }).sort();
  return [...arrowsUp(floors), ...manifests.flatMap((file) => wrongArrowsOf(root, file, floors))];
}

/** Lists the dependencies in `floors` itself that are not on a lower floor. */
function arrowsUp(floors: readonly Floor[]): string[] {
  return floors.flatMap((floor, index) => {
    const lower = new Set(floors.slice(index + 1).flatMap((below) => Object.keys(below)));
    return Object.entries(floor).flatMap(([name, { below = [] }]) =>
      below
        .filter((dependency) => !lower.has(dependency))
        .map((dependency) => `scripts/arrows.ts: ${dependency} does not stand below ${name}`),
    );
  });
}

function wrongArrowsOf(root: string, manifestFile: string, floors: readonly Floor[]): string[] {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, manifestFile), 'utf8'));
  const { name } = manifest;
  const rule = floors.find((floor) => name in floor)?.[name];
  if (!rule) return [`${manifestFile}: ${name} has no rule in scripts/arrows.ts`];
  const { below = [], npm = [], builtins = true } = rule;
  const allowed = new Set([...below, ...npm]);
  const declared = dependencyFields.flatMap((field) => Object.keys(manifest[field] ?? {}));
  const wrong = declared
    .filter((dependency) => !allowed.has(dependency))
    .map((dependency) => `${manifestFile}: ${name} must not depend on ${dependency}`);
  for (const source of globSync(`${dirname(manifestFile)}/{src,bin}/**/*.{ts,js,cjs}`, { cwd: root }).sort()) {
    for (const imported of importedPackages(readFileSync(join(root, source), 'utf8'))) {
      if (isBuiltin(imported) ? !builtins : !allowed.has(imported)) {
        wrong.push(`${source}: ${name} must not import ${imported}`);
      } else if (!isBuiltin(imported) && !declared.includes(imported)) {
        wrong.push(`${source}: ${imported} is not among the dependencies of ${name}`);
      }
    }
  }
  return wrong;
}

/** The packages and Node modules that a source imports. */
function importedPackages(source: string): string[] {
  const packages = importedSpecifiers(source)
    .filter((specifier) => !specifier.startsWith('.'))
    .map((specifier) => /^(?:node:[\w/]+|@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] ?? specifier);
  return [...new Set(packages)];
}
