import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

/** Packages whose tests, or imports of those, bring the types of browsers along. Other packages must not see these types. */
const besideBrowsers = new Set([
  'authority',
  'browsers',
  'cli',
  'command',
  'loopback-acceptor',
  'onedrive-token-handler',
  'demo',
  'pkce-state',
]);

/**
 * Writes the projects with which `pnpm check` checks the types of all packages, and returns their files. Packages with the same options
 * share a project: in each project, the compiler spends most of its time on the declarations of Node and of dependencies.
 */
export function writeTypeProjects(folder: string): string[] {
  const shared = { plain: [] as string[], 'beside-browsers': [] as string[] };
  const alone: string[] = [];
  for (const file of globSync(['packages/*/tsconfig.json', 'testing/*/tsconfig.json', 'scripts/tsconfig.json'], {
    cwd: root,
  })) {
    const project = resolve(root, file);
    const text = readFileSync(project, 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
    // The projects of `testing/` take options and files from testing/tsconfig.json.
    const { compilerOptions = {}, include = ['**/*.ts'] } = JSON.parse(text);
    const { rootDir, noEmit, ...others } = compilerOptions;
    if (Object.keys(others).length > 0) alone.push(project);
    else {
      const group = besideBrowsers.has(basename(dirname(project))) ? 'beside-browsers' : 'plain';
      shared[group].push(...include.map((path: string) => join(dirname(project), path)));
    }
  }
  mkdirSync(folder, { recursive: true });
  const written = Object.entries(shared).map(([name, include]) => {
    const project = join(folder, `${name}.json`);
    const compilerOptions = { rootDir: root, noEmit: true, typeRoots: [join(root, 'scripts/node_modules/@types')] };
    const text = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions,
      include,
      exclude: ['**/node_modules', '**/dist'],
    };
    writeFileSync(project, JSON.stringify(text));
    return project;
  });
  return [...written, ...alone];
}
