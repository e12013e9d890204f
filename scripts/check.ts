/** `pnpm check`: format and lint, types, dead code, the packages as npm will see them, what they bring along, and who imports whom. */
import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { findWrongArrows } from './arrows.ts';
import { findFileCircles } from './circles.ts';
import { findUnlocked, findWrongLicences, readBillsOfMaterials } from './dependencies.ts';
import { tool, turbo } from './tool.ts';

const checks: [name: string, passes: () => boolean][] = [
  ['format and lint', () => passesTool('biome', ['ci', '--error-on-warnings', '.'])],
  ['types', () => turbo(['build', 'check', '--output-logs=errors-only']) === 0],
  ['dead code', () => passesTool('knip', ['--treat-config-hints-as-errors'])],
  [
    'packages',
    () =>
      globSync('packages/*/package.json').every((file) =>
        passesTool('publint', ['--strict', '--pack', 'npm', dirname(file)]),
      ),
  ],
  ['dependency arrows', () => findsNothing(findWrongArrows('.'))],
  ['lockfile', () => findsNothing(findUnlocked(readFileSync('pnpm-lock.yaml', 'utf8')))],
  [
    'licences',
    () => findsNothing([...readBillsOfMaterials('.')].flatMap(([name, bill]) => findWrongLicences(name, bill))),
  ],
  ['file circles', () => findsNothing(findFileCircles('.'))],
];

const failed = checks.filter(([name, passes]) => {
  console.log(`\n— ${name}`);
  return !passes();
});
console.log(failed.length > 0 ? `\nFailed: ${failed.map(([name]) => name).join(', ')}` : '\nAll checks passed.');
process.exitCode = failed.length > 0 ? 1 : 0;

function passesTool(name: string, args: readonly string[]): boolean {
  return tool(name, args) === 0;
}

function findsNothing(problems: readonly string[]): boolean {
  for (const problem of problems) console.log(problem);
  return problems.length === 0;
}
