import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startAuthority } from 'testing-authority';
import { chromiumPath } from 'testing-authority/chromium';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../src/cli.ts';

if (!chromiumPath)
  console.log('skipped: the sign-in in a real browser needs chromium on PATH (Debian: apt install chromium)');
const inBrowser = chromiumPath ? test : test.skip;

inBrowser('the command opens Chromium, a person signs in there, and the token reads the drive', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-'));
  await using authority = await startAuthority();
  const resultFile = join(folder, 'result.json');
  const env = {
    BROWSER: `"${process.execPath}" "${fileURLToPath(new URL('../src/chromium-browser.ts', import.meta.url))}"`,
    RESULT_FILE: resultFile,
    ONEDRIVE_TOKEN_DB: join(folder, 'tokens.db'),
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    ONEDRIVE_TOKEN_GRAPH: authority.graphUrl,
  };
  try {
    const login = await runCli(['login', '--client-id', authority.clientId], { env, timeout: 50_000 });
    assert.is(login.status, 0, login.stderr);
    assert.match(login.stderr + login.stdout, 'ada@example.com');

    const seen = await readResult(resultFile);
    assert.match(seen.url, /^http:\/\/localhost:\d+\/$/, 'the address bar holds no code');
    assert.match(seen.text, /close/i, 'the page says what to do next');

    const token = await runCli(['token'], { env });
    assert.is(token.status, 0, token.stderr);
    const response = await fetch(`${authority.graphUrl}/me/drive`, {
      headers: { authorization: `Bearer ${token.stdout.trim()}` },
    });
    assert.is(response.status, 200);
    assert.is(authority.count('token'), 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The browser outlives the command by a moment. */
async function readResult(file: string): Promise<{ url: string; text: string }> {
  for (const end = performance.now() + 20_000; ; await sleep(50)) {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

test.run();
