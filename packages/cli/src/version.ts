const { readFileSync } = process.getBuiltinModule('node:fs');

/** The version in this package's manifest. This file and the built one are both one folder below it. */
export function readVersion(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
