import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { plainEnvironment, run } from './run.ts';

export interface Manifest {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** A package of this repository as users get it. */
export interface PackedPackage {
  readonly tarball: string;
  /** The folder with the unpacked files. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** The paths of the files relative to that folder, with `/`. */
  readonly files: ReadonlySet<string>;
}

const packages = resolve(import.meta.dirname, '../../../packages');

/** Packs every package as a release does, and unpacks it, below `folder`. */
export async function packAll(folder: string): Promise<PackedPackage[]> {
  return Promise.all(readdirSync(packages).map((name) => pack(name, folder)));
}

async function pack(name: string, folder: string): Promise<PackedPackage> {
  const env = plainEnvironment();
  const tarball = join(folder, `${name}.tgz`);
  await run('pnpm', ['pack', '--out', tarball], { cwd: join(packages, name), env });
  mkdirSync(join(folder, name));
  await run('tar', ['-xzf', `../${name}.tgz`], { cwd: join(folder, name), env });
  const unpacked = join(folder, name, 'package');
  const entries = readdirSync(unpacked, { recursive: true, withFileTypes: true });
  return {
    tarball,
    folder: unpacked,
    manifest: JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')),
    files: new Set(
      entries
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(unpacked.length + 1)
            .replaceAll('\\', '/'),
        ),
    ),
  };
}
