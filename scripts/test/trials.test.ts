import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { trials } from '../trials.ts';

const root = join(import.meta.dirname, '../..');

test('each trial runs a program that exists, and each row of docs/proof.md belongs to one', () => {
  const programs = trials.flatMap(({ folder, commands }) => commands.map(([file = '']) => join(root, folder, file)));
  assert.equal(
    programs.filter((program) => !existsSync(program)),
    [],
  );
  const [, table = ''] = readFileSync(join(root, 'docs/proof.md'), 'utf8').split(/<!-- .*table -->/);
  const rows = [...table.matchAll(/^\| (?!trial |---)(.*?) \|/gm)].map(([, name]) => name);
  assert.equal(
    rows.filter((row) => !trials.some(({ name }) => name === row)),
    [],
  );
});

test('the result of a trial is what its commands have said', () => {
  const result = (name: string, output: string) => trials.find((trial) => trial.name === name)?.read(output) ?? '';
  const run = { schedules: 1000, steps: 71_400, cpuSeconds: 1 };
  const good = result('schedules of shared-token', JSON.stringify(run));
  assert.match(good, /^1000 from seed \d+ on, 71 steps each: no promise broken$/);
  const broken = JSON.stringify({ ...run, found: { name: '7/9:8' } });
  assert.match(result('schedules of shared-token', broken), /\*\*schedule 7\/9:8 breaks a promise\*\*$/);
  const killed = ['p: 9 of 10 killed (90 %), seed 1', 'p: 8 of 10 killed (80 %), seed 2'].join('\n');
  assert.match(result('mutants of pkce-state', killed), /^17 of 20 killed \(85 %\), seeds/);
  const histories = '    measured: 3336 histories\ntook 9 s\n2 passed, 0 failed, 0 skipped\n';
  assert.is(result('histories of token-store-file', histories), '3336 histories; 2 passed, 0 failed');
});

test.run();
