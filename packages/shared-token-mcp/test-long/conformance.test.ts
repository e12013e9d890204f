// Takes about 30 s.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startConformanceClient } from './conformance-client.ts';

/** On a busy machine a client takes longer than the 30 s that the suite gives it. */
const timeoutMs = 120_000;

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

const canTell = spawnSync('curl', ['--version']).status === 0;
if (!canTell) console.log('skipped: the suite tells of its scenarios by curl (apt-get install curl)');
const client = await startConformanceClient();
test.after(() => client[Symbol.dispose]());

let commands = 0;
/** Runs a command of the suite in this process, because it takes a second to load, and returns its exit status and what it printed. */
async function runHere(program: string, args: readonly string[]): Promise<{ status: number; printed: string }> {
  const { argv, exit } = process;
  const { log, error } = console;
  let printed = '';
  try {
    console.log = console.error = (text) => {
      printed += `${text}\n`;
    };
    process.argv = [process.execPath, program, ...args];
    const status = await new Promise<number>((resolve, reject) => {
      process.exit = resolve as typeof process.exit;
      // Under each address, it is another module, and reads the arguments again.
      import(`${program}?${commands++}`).catch(reject);
    });
    return { status, printed };
  } finally {
    Object.assign(process, { argv, exit });
    Object.assign(console, { log, error });
  }
}

for (const [column, { name, program, flags }] of suites.entries()) {
  const stdout = execFileSync(process.execPath, [fileURLToPath(program), 'list', '--client'], { encoding: 'utf8' });
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
      (canTell ? test : test.skip)(`${name}, version ${version} of the SDK: ${told} pass of ${here[0]} …`, async () => {
        const failed: string[] = [];
        for (const scenario of here) {
          const what = ['--command', client.command(version), '--scenario', `auth/${scenario}`];
          const limits = ['--timeout', `${timeoutMs}`, ...flags[version]];
          const { status, printed } = await runHere(program, ['client', ...what, ...limits]);
          if (status !== 0) failed.push(`${scenario}: ${printed}`);
        }
        assert.is(`${here.length - failed.length} of ${here.length}`, told, failed.join('\n'));
      });
    }
  }
}

test.run();
