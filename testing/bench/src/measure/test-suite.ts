import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Effort } from '../effort.ts';
import { pnpmCommand } from '../pnpm-command.ts';
import type { Section } from '../section.ts';

const root = join(import.meta.dirname, '../../../..');

/** Runs `pnpm test`, built and with a warm cache, as it is after the first run. */
export function measureTestSuite({ suite }: Effort): Section {
  const title = 'The tests';
  if (!suite) return { title, how: 'Not measured in this run.', columns: [''], rows: [] };
  const [file = '', ...args] = pnpmCommand('test');
  const { status, stdout } = spawnSync(file, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 2 ** 26,
  });
  const [, wall = 'NaN', , cpu = '–'] = /^took (\d+) s( and (\d+) s of processor time)?$/m.exec(stdout) ?? [];
  const [counts = 'no result'] = /\d+ passed, \d+ failed, \d+ skipped(?=\s*$)/.exec(stdout) ?? [];
  const whole = status === 0 && / 0 failed, 0 skipped/.test(counts);
  if (!whole)
    console.log(
      stdout
        .split('\n')
        .filter((line) => /^✘|skipped:/.test(line))
        .join('\n'),
    );
  return {
    title,
    how: '`npx --yes pnpm@12.21.0 test`, right after a build, while nothing else runs.',
    columns: ['', 'wall, s', 'processor, s'],
    rows: [[counts, wall, cpu]],
    results: { suite: whole ? Number(wall) : Number.NaN },
  };
}
