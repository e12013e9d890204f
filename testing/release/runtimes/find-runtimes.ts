import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface Runtime {
  readonly name: 'Node' | 'Deno' | 'Bun';
  readonly command: string;
  /** Before the name of the program. */
  readonly args: readonly string[];
}

const require = createRequire(import.meta.url);
const platform = `${process.platform}-${process.arch}`;

/** The binary is in an optional package for each platform. Its package.json says which folder of it is ours. */
function binary(runtime: string, platformPackage: string, file: string): string | undefined {
  try {
    const ownRequire = createRequire(require.resolve(`${runtime}/package.json`));
    return join(ownRequire.resolve(`${platformPackage}/package.json`), '..', file);
  } catch {
    return undefined;
  }
}

/** Deno and Bun, as far as there are binaries for this platform. If `under-musl.sh` has set TEST_MUSL, only its Bun. */
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
