// Takes about 90 s.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** Packages whose short tests need little CPU time, with the number of mutants that fit into half a minute. */
const samples = Object.entries({ 'pkce-state': 12, 'loopback-acceptor': 6, 'shared-token': 3, 'shared-token-mcp': 5 });
/** Each day tests another package, with another seed. */
const day = Number(process.env.DAY) || Math.floor(Date.now() / 86_400_000);
const [name = '', sample = 0] = samples[day % samples.length] ?? [];

test(`${sample} mutants of ${name} are judged, and the score is shown`, () => {
  const args = ['scripts/mutate.ts', name, '--seed', `${day}`, '--sample', `${sample}`];
  const root = resolve(import.meta.dirname, '../..');
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 600_000 });
  for (const line of stdout.trim().split('\n')) console.log(`measured: ${line}`);
  // A mutant that survives is for a person to look at, and does not fail the test.
  assert.is(status, 0, stdout);
});

test.run();
