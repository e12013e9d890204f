import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The command line of the repository's pnpm. */
export function pnpmCommand(...args: string[]): string[] {
  const manifest = join(import.meta.dirname, '../../../package.json');
  const { devEngines } = JSON.parse(readFileSync(manifest, 'utf8'));
  return ['npx', '--yes', `pnpm@${devEngines.packageManager.version.replace('^', '')}`, ...args];
}
