import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { signInAs, startAuthority } from '../src/index.ts';

const program = join(import.meta.dirname, '../../bench/programs/onedrive_token_handler.py');
const hasPython = spawnSync('python3', ['-c', 'import requests']).status === 0;
if (!hasPython)
  console.log('skipped: the Python class needs python3 with requests (Debian: apt install python3-requests)');

const authority = await startAuthority();
const folder = mkdtempSync(join(tmpdir(), 'authority-python-'));
test.after(async () => {
  rmSync(folder, { recursive: true });
  await authority.close();
});

(hasPython ? test : test.skip)('the Python class signs in with a browser once, and then refreshes', async () => {
  for (const mode of ['sign-in', 'token', 'token']) {
    const token = await runClass(mode);
    const me = await fetch(`${authority.graphUrl}/me`, { headers: { authorization: `Bearer ${token}` } });
    assert.is(me.status, 200);
  }
  assert.is(authority.count('authorize'), 1);
  assert.is(authority.count('token', 'refresh_token'), 2);
});

/** Returns the token that it prints. */
async function runClass(mode: string): Promise<string> {
  const situation = { authority: authority.url, clientId: authority.clientIdWithoutPkce, folder };
  const child = spawn('python3', [program, mode, JSON.stringify(situation)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  });
  let last = '';
  for await (const line of createInterface(child.stdout)) {
    last = line.startsWith('{') ? (JSON.parse(line).token ?? line) : line;
    if (line.includes('"open"')) await signInAs(JSON.parse(line).open);
  }
  return last;
}

test.run();
