// Takes about 6 s.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

test('the demonstration signs in, reuses and refreshes the token, calls Graph, and leaves no file behind', async () => {
  // A folder of its own, because other tests use the common one at the same time.
  const temporary = mkdtempSync(join(tmpdir(), 'demo-'));
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // CI: a scripted browser, even if the tests run on a desktop.
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE,
      CI: '1',
      ONEDRIVE_TOKEN_CLIENT_ID: '',
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
      TMPDIR: temporary,
    },
    timeout: 50_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const status = await new Promise((resolve) => child.once('close', resolve));
  assert.is(status, 0, output);
  const asked = [...output.matchAll(/token endpoint: (\d+)/g)].map(([, count]) => Number(count));
  assert.equal(asked, [1, 0, 1], output);
  assert.match(output, /"driveType": "personal"/);
  assert.match(output, /Signed in as/);
  assert.equal(readdirSync(temporary), []);
  rmSync(temporary, { recursive: true });
});

test.run();
