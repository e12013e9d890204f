import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { builtKey, makeSigningKey } from './provider/signing-key.ts';

/**
 * `pnpm build`: bundles oidc-provider into one file, and makes a key. oidc-provider has hundreds of files. Finding and reading them takes
 * most of the start of an authority, and most test files of this repository start one.
 */
const bundle = await rolldown({
  input: 'oidc-provider',
  platform: 'node',
  cwd: join(import.meta.dirname, '..'),
  // depd, a dependency of oidc-provider, uses eval.
  checks: { eval: false },
});
await bundle.write({ file: join(import.meta.dirname, '../dist/oidc-provider.js'), format: 'esm' });
await bundle.close();
writeFileSync(builtKey, JSON.stringify(await makeSigningKey()), { mode: 0o600 });
