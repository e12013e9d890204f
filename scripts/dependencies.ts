import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Licences that our users can accept for the dependencies of our packages. */
const allowedLicences = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']);

/** The fields of a CycloneDX bill of materials that this check reads. */
export interface BillOfMaterials {
  components?: { name: string; licenses?: ({ license: { id?: string; name?: string } } | { expression: string })[] }[];
}

/** Lists the dependencies of a published package whose licence its users cannot accept. */
export function findWrongLicences(name: string, { components = [] }: BillOfMaterials): string[] {
  return components.flatMap(({ name: dependency, licenses = [] }) => {
    const ids = licenses.map((each) =>
      'expression' in each ? each.expression : (each.license.id ?? each.license.name),
    );
    const fits = ids.length > 0 && ids.every((id) => allowedLicences.has(id ?? ''));
    return fits ? [] : [`${name} brings ${dependency}, whose licence is ${ids.join(', ') || 'not stated'}`];
  });
}

/** Lists the installed packages that do not come from the registry with a checksum, but for example from a Git repository. */
export function findUnlocked(lockfile: string): string[] {
  const packages = /^packages:\n([\s\S]*?)^snapshots:/m.exec(lockfile)?.[1] ?? '';
  const entries = packages.split(/\n(?= {2}\S)/).filter((entry) => entry.trim() !== '');
  if (entries.length === 0) return ['pnpm-lock.yaml: no package was found in it'];
  return entries
    .filter((entry) => !/^ {4}resolution: \{integrity: sha512-[\w+/=]+\}$/m.test(entry))
    .map(
      (entry) =>
        `pnpm-lock.yaml: ${entry.trim().split('\n', 1)[0]} has no sha512 checksum, or is not from the registry`,
    );
}

/** The bills of materials of all published packages, by their names. Throws an Error if pnpm cannot make them. */
export function readBillsOfMaterials(root: string): Map<string, BillOfMaterials> {
  const folder = mkdtempSync(join(tmpdir(), 'sbom-'));
  try {
    const what = ['--filter', './packages/*', 'sbom', '--prod', '--sbom-format', 'cyclonedx', '--split'];
    const { status, stderr, error } = spawnSync('pnpm', [...what, '--out', join(folder, '%s.json')], {
      cwd: root,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    if (status !== 0) throw new Error(`pnpm sbom failed (${status}): ${error ?? stderr}`);
    return new Map(
      readdirSync(folder).map((file) => [
        file.replace(/\.json$/, ''),
        JSON.parse(readFileSync(join(folder, file), 'utf8')),
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
