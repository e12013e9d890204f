import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { builtKey, makeSigningKey } from './provider/signing-key.ts';

/**
 * `pnpm build`: oidc-provider in one file, and a key. It has hundreds of files, and to find and read them takes longer than everything else
 * in the start of an authority, which most test files of this repository start.
 */
const bundle = await rolldown({
  input: 'oidc-provider',
  platform: 'node',
  cwd: join(import.meta.dirname, '..'),
  // depd, in oidc-provider's dependencies, uses it.
  checks: { eval: false },
});
await bundle.write({ file: join(import.meta.dirname, '../dist/oidc-provider.js'), format: 'esm' });
await bundle.close();
writeFileSync(builtKey, JSON.stringify(await makeSigningKey()), { mode: 0o600 });
