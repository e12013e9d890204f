import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface Runtime {
  readonly name: 'Node' | 'Deno' | 'Bun';
  readonly command: string;
  /** Arguments before the name of the program. */
  readonly args: readonly string[];
}

const require = createRequire(import.meta.url);
const platform = `${process.platform}-${process.arch}`;

/** The path of a runtime's binary, which is in an optional package for each platform. undefined if that package is missing. */
function binary(runtime: string, platformPackage: string, file: string): string | undefined {
  try {
    const ownRequire = createRequire(require.resolve(`${runtime}/package.json`));
    return join(ownRequire.resolve(`${platformPackage}/package.json`), '..', file);
  } catch {
    return undefined;
  }
}

/** Deno and Bun, if they have binaries for this platform. If `under-musl.sh` has set TEST_MUSL, only the Bun for musl. */
export function findRuntimes(): Runtime[] {
  const musl = process.env.TEST_MUSL;
  if (musl) {
    const args = ['--library-path', musl, join(musl, 'bun'), 'run'];
    return [{ name: 'Bun', command: join(musl, 'ld-musl-x86_64.so.1'), args }];
  }
  const deno = binary('deno', `@deno/${platform}-glibc`, 'deno');
  const bun = binary('bun', `@oven/bun-${platform}`, 'bin/bun');
  const found: Runtime[] = [];
  if (deno) found.push({ name: 'Deno', command: deno, args: ['run', '--allow-all', '--quiet'] });
  if (bun) found.push({ name: 'Bun', command: bun, args: ['run'] });
  return found;
}
