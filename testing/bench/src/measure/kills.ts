import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Effort } from '../effort.ts';
import type { Section } from '../section.ts';

const handlerFolder = join(import.meta.dirname, '../../../../packages/onedrive-token-handler');

/** Runs the long test of the handler, which fails if a sign-in is lost or a database is damaged. */
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
    how:
      `By the long test \`kill.test.ts\` of the handler, with ${kills.toLocaleString('en-US')} kills in all. It fails if a sign-in is lost that could have been kept, or if a ` +
      'database is damaged. A tenth of the kills, not in the list, hits one of two processes that refresh in turn; the other one has to go on. One loss cannot be ' +
      'avoided: if a provider revokes the grant as soon as an old refresh token comes again, then a kill between its answer and the write of the new token costs ' +
      'the sign-in. The last line counts those.',
    columns: ['what it measured'],
    rows: measured,
    results: { kills: status === 0 ? 0 : Number.NaN },
  };
}
