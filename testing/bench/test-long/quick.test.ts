// Takes about 40 s.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('a quick run measures everything, and writes the table and the picture', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-quick-'));
  try {
    const args = [join(import.meta.dirname, '../src/index.ts'), '--quick', '--out', folder];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 600_000 });
    assert.is(status, 0, stdout + stderr);
    const page = readFileSync(join(folder, 'benchmarks.md'), 'utf8');
    const rows = page.split('\n').filter((line) => /^\| .* \| (≤|≥|\d)/.test(line));
    assert.ok(rows.length >= 12, page);
    for (const row of rows) assert.match(row, /\| [\d.,]+ \|$/);
    assert.match(page, /of 4 processes at expiry, so many get a token \| 4 \| 4 \|/);
    assert.not.match(readFileSync(join(folder, 'bench.svg'), 'utf8'), /NaN|undefined/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
