// Takes about 80 s.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const run = promisify(execFile);
const client = fileURLToPath(new URL('./conformance-client.ts', import.meta.url));
/** On a busy machine a client takes longer than the 30 s that the suite gives it. */
const timeoutMs = 120_000;

// Without it, the many starts take a third longer.
const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };

/** The versions of the suite, in the order of the columns of the README's table, and the newest protocol of each version of the SDK. */
const suites = [
  { name: 'conformance-0.1', program: import.meta.resolve('conformance-0.1/dist/index.js'), flags: { 1: [], 2: [] } },
  {
    name: 'conformance-0.2',
    program: import.meta.resolve('conformance-0.2/dist/index.js'),
    flags: { 1: ['--spec-version', '2025-11-25', '--force'], 2: ['--spec-version', '2026-07-28', '--force'] },
  },
] as const;

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const rows = readme.split('\n').flatMap((line) => {
  const [, scenarios = '', ...cells] = line.split('|').map((cell) => cell.trim());
  const names = [...scenarios.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name);
  return /^(\d+ of \d+|–)/.test(cells[0] ?? '')
    ? [{ names, cells, isOutOfScope: scenarios.startsWith('out of scope') }]
    : [];
});

for (const [column, { name, program, flags }] of suites.entries()) {
  const cli = fileURLToPath(program);
  const { stdout } = await run(process.execPath, [cli, 'list', '--client']);
  const listed = [...stdout.matchAll(/- auth\/([\w-]+)/g)].map(([, scenario = '']) => scenario);

  test(`${name}: the table of the README has every scenario of the suite, once`, () => {
    assert.ok(listed.length > 20, stdout);
    const told = rows.flatMap(({ names }) => names).filter((scenario) => listed.includes(scenario));
    assert.equal(told.toSorted(), listed.toSorted());
  });

  for (const { names, cells, isOutOfScope } of rows) {
    const here = names.filter((scenario) => listed.includes(scenario));
    const [told = ''] = /^(\d+ of \d+|–)/.exec(cells[column] ?? '') ?? [];
    if (here.length === 0 || isOutOfScope) {
      test(`${name}: the table says that nothing passes of ${names[0]} …`, () => {
        assert.is(told, here.length === 0 ? '–' : `0 of ${here.length}`);
      });
      continue;
    }
    for (const version of [1, 2] as const) {
      test(`${name}, version ${version} of the SDK: ${told} pass of ${here[0]} …`, async () => {
        const failed: string[] = [];
        const left = [...here];
        const work = async (): Promise<void> => {
          for (let scenario = left.shift(); scenario; scenario = left.shift()) {
            const command = `"${process.execPath}" "${client}" ${version}`;
            const limits = ['--timeout', String(timeoutMs), ...flags[version]];
            const args = [cli, 'client', '--command', command, '--scenario', `auth/${scenario}`, ...limits];
            await run(process.execPath, args, { env }).catch(({ stdout }) => failed.push(`${scenario}: ${stdout}`));
          }
        };
        await Promise.all(Array.from({ length: availableParallelism() }, work));
        assert.is(`${here.length - failed.length} of ${here.length}`, told, failed.join('\n'));
      });
    }
  }
}

test.run();
