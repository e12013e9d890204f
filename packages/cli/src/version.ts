import { readFileSync } from 'node:fs';

/** Of this package, as its manifest says it. */
export function readVersion(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
