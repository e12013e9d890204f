// Takes about 6 s.
import { join } from 'node:path';
import { chromiumPath } from 'testing-browsers/chromium';
import { openScene, prepareChromiumSignIn } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

if (!chromiumPath)
  console.log('skipped: the sign-in in a real browser needs chromium on PATH (Debian: apt install chromium)');
const inBrowser = chromiumPath ? test : test.skip;

inBrowser('the command opens Chromium, a user signs in there, and the token reads the drive', async () => {
  await using scene = await openScene();
  const { home, authority } = scene;
  const { env, lastPage } = prepareChromiumSignIn(join(home.folder, 'last-page.json'));
  const login = await home.run(['login', '--client-id', authority.clientId], { env, timeout: 50_000 });
  assert.is(login.status, 0, login.stderr);
  assert.match(login.stderr + login.stdout, 'ada@example.com');

  const { url, text } = await lastPage();
  assert.match(url, /^http:\/\/localhost:\d+\/$/, 'the address bar holds no code');
  assert.match(text, /close/i, 'the page says what to do next');

  const token = await home.run(['token']);
  assert.is(token.status, 0, token.stderr);
  const response = await fetch(`${authority.graphUrl}/me/drive`, {
    headers: { authorization: `Bearer ${token.stdout.trim()}` },
  });
  assert.is(response.status, 200);
  assert.is(authority.count('token'), 1);
});

test.run();
