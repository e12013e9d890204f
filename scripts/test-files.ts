import { globSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';

const root = join(import.meta.dirname, '..');

/** A file of tests. It runs in the folder of its package. */
export interface TestFile {
  readonly folder: string;
  /** Relative to `folder`. */
  readonly path: string;
  readonly source: string;
}

export interface TestChoice {
  /** The tests of `test-long/` instead of `test/`. */
  readonly long?: boolean | undefined;
  /** Parts of names. If there are any, only files with one of them in their name count. */
  readonly parts?: readonly string[];
}

/** The test files of one package. */
export function findTestFiles(folder: string, { long = false, parts = [] }: TestChoice): TestFile[] {
  return globSync(`${long ? 'test-long' : 'test'}/**/*.test.ts`, { cwd: folder })
    .sort()
    .filter((path) => parts.length === 0 || parts.some((part) => nameInRoot(folder, path).includes(part)))
    .map((path) => ({ folder, path, source: readFileSync(join(folder, path), 'utf8') }));
}

/** With slashes on every system. */
function nameInRoot(folder: string, path: string): string {
  return relative(root, join(folder, path)).replaceAll(sep, '/');
}

/** The folders of the repository's packages that have tests of this kind, and the names of their packages. */
export function findTestedPackages({ long = false }: TestChoice): Map<string, string> {
  const packages = new Map<string, string>();
  for (const manifest of globSync(
    ['packages/*', 'testing/*', 'scripts'].map((at) => `${at}/package.json`),
    { cwd: root },
  )) {
    const { name, scripts = {} } = JSON.parse(readFileSync(join(root, manifest), 'utf8'));
    if (scripts[long ? 'test:long' : 'test']) packages.set(resolve(root, manifest, '..'), name);
  }
  return packages;
}

/**
 * Which files share a process, in the order in which the processes start: those that take long first, so that none of them is still running
 * when everything else has ended.
 *
 * A file that takes long says so in a line `// Takes about 12 s.`, and has a process of its own. So has a file that says
 * `// Runs alone: REASON.` The others of a package run together, at most twelve in a process.
 */
export function planProcesses(files: readonly TestFile[]): TestFile[][] {
  const alone = files.filter(({ source }) => /^\/\/ (Takes about \d+ s|Runs alone: .+)\.$/m.test(source));
  const small = files.filter((file) => !alone.includes(file));
  const together = Object.values(Object.groupBy(small, ({ folder }) => folder)).flatMap((ofPackage = []) => {
    const processes = Math.ceil(ofPackage.length / 12);
    return Array.from({ length: processes }, (_, n) => ofPackage.filter((_, index) => index % processes === n));
  });
  return [...alone.map((file) => [file]), ...together].toSorted((a, b) => secondsOf(b) - secondsOf(a));
}

function secondsOf(files: readonly TestFile[]): number {
  return files.reduce((sum, { source }) => sum + Number(/^\/\/ Takes about (\d+) s\.$/m.exec(source)?.[1] ?? 1), 0);
}

/** Stands before what a file prints in a process that it shares. No test prints it. */
export const separator = '\u001e';

/** How a person names the file: from the working directory. */
export function nameOf({ folder, path }: TestFile): string {
  return relative('', join(folder, path));
}
