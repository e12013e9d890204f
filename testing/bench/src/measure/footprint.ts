import { execFileSync } from 'node:child_process';
import { globSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Effort } from '../effort.ts';
import { megabytes } from '../format.ts';
import { pnpmCommand } from '../pnpm-command.ts';
import type { Bar, Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { handler, msalNode, oauthCallback, openidClient, versionOf } from '../subjects.ts';

const root = join(import.meta.dirname, '../../../..');

interface Footprint {
  packages: number;
  bytes: number;
}

/** What a user installs. This needs npm's registry; without one it is skipped. */
export function measureFootprint(stage: Stage, { installs }: Effort): Section {
  const title = 'What is installed';
  if (!installs) return { title, how: 'Not measured in this run.', columns: [''], rows: [] };
  const folder = join(stage.folder, 'footprint');
  const packed = pack(folder);
  const at = (name: string): string => `${name}@${versionOf(name)}`;
  const sets: [label: string, specs: string[]][] = [
    [handler.name, tarballsOf(handler.name, packed)],
    ['onedrive-token (the command)', tarballsOf('onedrive-token', packed)],
    ['@azure/msal-node', [at(msalNode.name)]],
    ['@azure/msal-node with msal-node-extensions', [at(msalNode.name), '@azure/msal-node-extensions']],
    ['@azure/identity', [at('@azure/identity')]],
    [openidClient.name, [at(openidClient.name)]],
    ['oauth-callback with open', [at(oauthCallback.name), 'open']],
  ];
  const found: [string, Footprint][] = [];
  for (const [label, specs] of sets) {
    try {
      found.push([label, install(join(folder, String(found.length)), specs)]);
    } catch (error) {
      const how = `Not measured: npm can't install ${label} here.`;
      console.log(`skipped: ${how} ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 300)}`);
      return { title, how, columns: [''], rows: [] };
    }
  }
  return {
    title,
    how:
      'By `npm install --ignore-scripts` into an empty folder, ours from packed tarballs. All packages count, and the length of all files. ' +
      '`--ignore-scripts`, because keytar, which msal-node-extensions needs, builds only if libsecret is installed. ' +
      "Only this measurement needs npm's registry.",
    columns: ['', 'packages', 'MB'],
    rows: found.map(([label, { packages, bytes }]) => [label, String(packages), megabytes(bytes)]),
    results: { packages: found[0]?.[1].packages ?? Number.NaN },
    headlines: [
      {
        what: 'packages that are installed',
        cells: Object.fromEntries(found.map(([label, { packages }]) => [label, String(packages)])),
      },
    ],
    chart: {
      name: 'packages',
      title: 'Installed packages',
      unit: '',
      bars: found.map(
        ([label, { packages }], index): Bar => ({ label, value: packages, text: String(packages), ours: index < 2 }),
      ),
    },
  };
}

interface Packed {
  readonly tarball: string;
  readonly dependencies: readonly string[];
}

/** The tarball of a package, and those of our packages that it depends on. */
function tarballsOf(name: string, packed: ReadonlyMap<string, Packed>): string[] {
  const { tarball, dependencies } = packed.get(name) ?? {};
  if (!tarball || !dependencies) return [];
  return [...new Set([tarball, ...dependencies.flatMap((dependency) => tarballsOf(dependency, packed))])];
}

/** Packs the published packages. */
function pack(folder: string): Map<string, Packed> {
  mkdirSync(folder, { recursive: true });
  const packed = new Map<string, Packed>();
  for (const manifest of globSync('packages/*/package.json', { cwd: root })) {
    const { name, version, dependencies = {} } = JSON.parse(readFileSync(join(root, manifest), 'utf8'));
    const cwd = join(root, manifest, '..');
    // npm would not replace `workspace:` by versions.
    const [file = '', ...args] = pnpmCommand('pack', '--pack-destination', folder);
    run(file, args, cwd);
    packed.set(name, { tarball: join(folder, `${name}-${version}.tgz`), dependencies: Object.keys(dependencies) });
  }
  return packed;
}

function install(folder: string, specs: readonly string[]): Footprint {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...specs], folder);
  const { packages } = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8'));
  const files = globSync('node_modules/**/*', { cwd: folder, exclude: (name) => name === '.bin' });
  const bytes = files.map((file) => lstatSync(join(folder, file))).filter((stat) => stat.isFile());
  return { packages: Object.keys(packages).length, bytes: bytes.reduce((sum, { size }) => sum + size, 0) };
}

function run(file: string, args: readonly string[], cwd: string): void {
  // Without the variables of pnpm, which npm would use as its own settings.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|pnpm)_/i.test(name)));
  execFileSync(file, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'], timeout: 180_000 });
}
