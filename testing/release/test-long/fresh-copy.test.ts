// Takes about 60 s.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { copyCheckout } from '../src/copy-checkout.ts';
import { plainEnvironment, run } from '../src/run.ts';

const parent = mkdtempSync(join(tmpdir(), 'fresh-copy-'));
process.once('exit', () => rmSync(parent, { recursive: true, force: true }));
const cwd = join(parent, 'copy');
await copyCheckout(cwd);
const env = plainEnvironment();

test('after a first command for one package only, `pnpm start` installs what the others need', async () => {
  await run('pnpm', ['--filter', 'pkce-state', 'check'], { cwd, env });
  const output = await run('pnpm', ['start'], { cwd, env, timeout: 300_000 });
  assert.match(output, 'Signed in as');
});

test.run();
