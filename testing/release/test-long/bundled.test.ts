// Takes about 5 s.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findRuntimes } from '../runtimes/find-runtimes.ts';
import { run } from '../src/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'bundled-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(import.meta.dirname, '../runtimes/programs/bundled.ts');
const printed = 'began\nthe-token\n';

test('a program in one CommonJS file, by esbuild, stores and reads a token', async () => {
  // In a folder from which the native package is found, as beside any bundle that leaves it out.
  const outfile = join(
    import.meta.dirname,
    `../../../packages/token-store-sqlite/node_modules/bundled-${process.pid}.cjs`,
  );
  try {
    await build({
      entryPoints: [program],
      outfile,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      external: ['better-sqlite3'],
      logLevel: 'error',
      logOverride: { 'empty-import-meta': 'silent' },
    });
    assert.is(
      await run(process.execPath, [outfile, join(folder, 'esbuild.db')], { cwd: folder, env: process.env }),
      printed,
    );
  } finally {
    rmSync(outfile, { force: true });
  }
});

test('a program in one executable, by Bun, stores and reads a token', async () => {
  const bun = findRuntimes().find(({ name }) => name === 'Bun');
  if (!bun) return console.log('skipped: there is no Bun for this platform');
  const outfile = join(folder, 'program');
  await run(bun.command, ['build', '--compile', program, '--outfile', outfile], {
    cwd: join(program, '..'),
    env: process.env,
  });
  assert.ok(existsSync(outfile));
  assert.is(await run(outfile, [join(folder, 'bun.db')], { cwd: folder, env: process.env }), printed);
});

test.run();
