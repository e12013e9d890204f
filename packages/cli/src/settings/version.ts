import { createRequire } from 'node:module';

/** The version in this package's manifest. By its own name, because this file and the built one are not equally deep below it. */
export function readVersion(): string {
  return createRequire(import.meta.url)('onedrive-token/package.json').version;
}
