import { globSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A place in the code of a package, and what comes there. */
export interface Edit {
  /** The name of the package. */
  readonly name: string;
  /** Words that follow each other in one file of it, with anything between them. The first ones stand there once. */
  readonly words: readonly [string, ...string[]];
  /** Comes before the last of these words, and calls `declared`. */
  readonly code: string;
  /** Its text comes to the end of the file, so it may use nothing around it. */
  readonly declared: (...args: never[]) => unknown;
}

/** Edits the package that is installed in `folder`, and returns the path of the file. Throws if there is not exactly one such place. */
export function editPackage(folder: string, { name, words, code, declared }: Edit): string {
  const files = globSync(`node_modules/${name}/**/*.js`, { cwd: folder }).map((path) => join(folder, path));
  const places = files.flatMap((path) => {
    const text = readFileSync(path, 'utf8');
    const at = findPlace(text, words);
    return at === undefined ? [] : [{ path, text, at }];
  });
  const [place, ...others] = places;
  if (!place) throw new Error(`${folder} has no ${name} with ${words.join(' … ')}: see what this version does instead`);
  if (others.length > 0) throw new Error(`${folder} has ${places.length} files with ${words.join(' … ')}, not one`);
  const { path, text, at } = place;
  if (text.includes(`function ${declared.name}(`)) throw new Error(`${path} was edited before`);
  // A new file, because a package manager may have linked this one to its store.
  writeFileSync(`${path}-edited`, `${text.slice(0, at)}${code}${text.slice(at)}\n${declared}\n`);
  renameSync(`${path}-edited`, path);
  return path;
}

function findPlace(text: string, [first, ...others]: readonly [string, ...string[]]): number | undefined {
  const parts = text.split(first);
  if (parts.length !== 2) return undefined;
  let at = parts[0]?.length ?? 0;
  for (const word of others) {
    at = text.indexOf(word, at);
    if (at === -1) return undefined;
  }
  return at;
}
