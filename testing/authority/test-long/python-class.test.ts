import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { signInAs, startAuthority } from '../src/index.ts';

const program = fileURLToPath(new URL('../test/fixtures/onedrive_token_handler.py', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('skipped: the original Python class needs python3 on PATH (Debian: apt install python3)');

const authority = await startAuthority();
const folder = mkdtempSync(join(tmpdir(), 'authority-python-'));
test.after(async () => {
  rmSync(folder, { recursive: true });
  await authority.close();
});

(hasPython ? test : test.skip)(
  'the original Python class signs in with a browser once, and then refreshes',
  async () => {
    for (const expected of ['browser', 'refresh', 'refresh']) {
      const [how, token] = await runClass();
      assert.is(how, expected);
      const me = await fetch(`${authority.graphUrl}/me`, { headers: { authorization: `Bearer ${token}` } });
      assert.is(me.status, 200);
    }
    assert.is(authority.count('authorize'), 1);
    assert.is(authority.count('token', 'refresh_token'), 2);
  },
);

async function runClass(): Promise<string[]> {
  const { url, clientIdWithoutPkce } = authority;
  const child = spawn('python3', [program, url, clientIdWithoutPkce, join(folder, 'tokens.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  let words: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    words = line.split(' ');
    if (words[0] === 'open') await signInAs(words[1] ?? '');
  }
  return words;
}

test.run();
