import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { openTokenStore } from '../src/index.ts';

/** Every file of a directory with its content and mode. */
export function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const stat = lstatSync(path);
      const content = stat.isFile()
        ? readFileSync(path, 'hex')
        : stat.isSymbolicLink()
          ? readlinkSync(path)
          : 'directory';
      return `${name} ${stat.mode.toString(8)} ${content}`;
    });
}

/** A database with one record that fills several pages. */
export function makeTokenDatabase(path: string): void {
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'old', accessToken: 'x'.repeat(20_000) });
}

/** A database without its last byte, which was one of the record's refresh token. */
export function makeCutDatabase(path: string): void {
  using store = openTokenStore(path);
  // Each record is on a page of its own.
  for (const name of ['1', '2', '3', 'app']) store.set(name, { refreshToken: 'x'.repeat(3_000) });
  truncateSync(path, statSync(path).size - 1);
}
