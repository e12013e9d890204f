// Takes about 10 s.
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { chromiumPath } from 'testing-browsers/chromium';
import { openScene, prepareChromiumSignIn } from 'testing-command';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openScene();
always.after(() => scene[Symbol.asyncDispose]());

const noChromium = 'skipped: a sign-in in a real browser needs chromium on PATH (Debian: apt install chromium)';
if (!openTerminal) console.log(noTerminal);
if (!chromiumPath) console.log(noChromium);
const test = openTerminal && chromiumPath ? always : always.skip;

/** Runs `onedrive-token` in a terminal with Chromium as its browser. The result has the last page and address of the browser. */
async function signIn(
  answer: 'accept' | 'deny',
): Promise<{ status: number; screen: string; page: string; url: string }> {
  const browser = prepareChromiumSignIn(join(home.folder, `${answer}.json`), { deny: answer === 'deny' });
  using terminal = sit(home, ['--app', answer, '--client-id', authority.clientId], browser.env);
  const { status } = await terminal.ended;
  const { url, text } = await browser.lastPage();
  return { status, screen: stripVTControlCharacters(terminal.output), page: text, url };
}

test('onedrive-token opens Chromium, which shows that the person is signed in, and prints the token', async () => {
  const { status, screen, page, url } = await signIn('accept');
  assert.is(status, 0);
  assert.match(screen, 'Waiting for you to sign in');
  assert.ok(authority.issuedSecrets.has(screen.trim().split(/\s/).at(-1) ?? ''));
  assert.match(page, /signed in/i);
  assert.not.match(url, 'code=');
});

test('a person who declines in Chromium reads it there and in the terminal, and the status is 4', async () => {
  const { status, screen, page } = await signIn('deny');
  assert.is(status, 4);
  assert.match(screen, /onedrive-token: \S[\s\S]*\r\n$/);
  assert.not.match(page, /you are signed in/i);
});

always.run();
