import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Effort } from '../effort.ts';
import type { Section } from '../section.ts';

const handlerFolder = join(import.meta.dirname, '../../../../packages/onedrive-token-handler');

/** The long test of the handler, which fails where a sign-in is lost or a database damaged. */
export function measureKills({ kills }: Effort): Section {
  const title = 'Killed at random moments';
  if (kills === 0) return { title, how: 'Not measured in this run.', columns: [''], rows: [] };
  const { status, stdout } = spawnSync(process.execPath, ['../../scripts/suite.ts', '--long', 'kill'], {
    cwd: handlerFolder,
    env: { ...process.env, KILLS: String(kills) },
    encoding: 'utf8',
    timeout: 600_000,
  });
  const measured = [...stdout.matchAll(/measured: (.*)/g)].map(([, text = '']) => [text]);
  if (status !== 0) console.log(stdout);
  return {
    title,
    how: 'By the long test `kill.test.ts` of the handler, which fails where a sign-in is lost that need not be, or where a database is damaged.',
    columns: ['what it measured'],
    rows: measured,
    results: { kills: status === 0 ? 0 : Number.NaN },
  };
}
