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
    how:
      `By the long test \`kill.test.ts\` of the handler, ${kills.toLocaleString('en-US')} kills in all, which fails where a sign-in is lost that need not be, or where a ` +
      'database is damaged. A tenth of the kills, not listed, hits one of two processes that refresh in turn, and the other one has to go on. What nobody can ' +
      'avoid is the window between the answer of a provider that revokes a grant at once, when a spent refresh token comes again, and the write of the ' +
      'new one: a kill within it costs the sign-in. The last line counts those.',
    columns: ['what it measured'],
    rows: measured,
    results: { kills: status === 0 ? 0 : Number.NaN },
  };
}
