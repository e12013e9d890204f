/**
 * `pnpm check [--built]`: checks format and lint, types, dead code, the packages as npm publishes them, their dependencies, and the
 * imports. With `--built` it builds nothing: turbo would rewrite each `dist/` while the long tests of `.ci/run` use it.
 */
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { findWrongArrows } from './arrows.ts';
import { findFileCircles } from './circles.ts';
import { findUnlocked, findWrongLicences, readBillsOfMaterials } from './dependencies.ts';
import { findBuiltInInstanceof } from './realms.ts';
import { beside, toolBesideOthers, turbo } from './tool.ts';
import { writeTypeProjects } from './type-projects.ts';

interface Check {
  readonly name: string;
  /** Resolves with the problems that it found; empty if it passed. */
  run(): Promise<string>;
}

const built = process.argv.includes('--built') || turbo(['build', '--output-logs=errors-only']) === 0;
// The slow checks come first.
const checks: Check[] = [
  ...writeTypeProjects('node_modules/.cache/types').map((project) => withTool('types', 'tsc', ['-p', project])),
  withTool('format and lint', 'biome', ['ci', '--error-on-warnings', '.']),
  withTool('dead code', 'knip', ['--treat-config-hints-as-errors']),
  ...globSync('packages/*/package.json').map((file) =>
    withTool('packages', 'publint', ['--strict', '--pack', 'npm', dirname(file)]),
  ),
  { name: 'dependency arrows', run: async () => findWrongArrows('.').join('\n') },
  { name: 'lockfile', run: async () => findUnlocked(readFileSync('pnpm-lock.yaml', 'utf8')).join('\n') },
  {
    name: 'licences',
    run: async () => [...readBillsOfMaterials('.')].flatMap(([name, bill]) => findWrongLicences(name, bill)).join('\n'),
  },
  { name: 'file circles', run: async () => findFileCircles('.').join('\n') },
  { name: 'realms', run: async () => findBuiltInInstanceof('.').join('\n') },
];

const failed = new Set(built ? [] : ['build']);
await beside(availableParallelism(), checks, async ({ name, run }) => {
  const problems = await run();
  if (problems !== '') failed.add(name);
  console.log(problems === '' ? `✔ ${name}` : `✘ ${name}\n${problems}`);
});
console.log(failed.size > 0 ? `\nFailed: ${[...failed].join(', ')}` : '\nAll checks passed.');
process.exitCode = failed.size > 0 ? 1 : 0;

function withTool(name: string, program: string, args: readonly string[]): Check {
  return {
    name,
    async run() {
      const { status, output } = await toolBesideOthers(program, args);
      return status === 0 ? '' : `${[program, ...args].join(' ')} ended with ${status}\n${output}`;
    },
  };
}
