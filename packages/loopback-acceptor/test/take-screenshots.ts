/**
 * Takes pictures of the built-in page in Chromium: `node test/take-screenshots.ts [FOLDER]`. Without a folder, only those of
 * the README, into `docs`. With a folder, also those that are only for looking at.
 */
import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { launchChromium } from 'testing-browsers/chromium';
import { openAcceptor } from '../src/index.ts';

interface Picture extends BrowserContextOptions {
  name: string;
  query?: string;
  redeem?: () => Promise<unknown>;
}

const denied = `error=access_denied&error_description=${encodeURIComponent('The user has denied access to the scope requested by the client application.')}`;
const small = { viewport: { width: 560, height: 320 } };
const pictures: Picture[] = [
  { name: 'signed-in-light', ...small },
  { name: 'denied-dark', query: denied, colorScheme: 'dark', ...small },
];
const more: Picture[] = [
  { name: 'signed-in-dark', colorScheme: 'dark', ...small },
  { name: 'wide', viewport: { width: 1400, height: 800 } },
  { name: 'narrow-denied', query: denied, viewport: { width: 320, height: 480 } },
  { name: 'zoomed', query: denied, viewport: { width: 400, height: 300 }, deviceScaleFactor: 2 },
  {
    name: 'failed',
    redeem: () =>
      Promise.reject(Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:443'), { code: 'ECONNREFUSED' })),
    ...small,
  },
  {
    name: 'hostile-dark',
    query: `error=${encodeURIComponent('<script>')}&error_description=${encodeURIComponent(`\u202e<b>x</b> ${'verylongword'.repeat(500)}`)}`,
    colorScheme: 'dark',
    viewport: { width: 320, height: 700 },
  },
];

const [folder] = process.argv.slice(2);
const browser = await launchChromium();
try {
  for (const picture of folder ? [...pictures, ...more] : pictures) await take(browser, picture);
} finally {
  await browser.close();
}

async function take(
  on: Browser,
  { name, query = 'code=a', redeem = async () => 1, ...options }: Picture,
): Promise<void> {
  await using acceptor = await openAcceptor({ state: 'right' });
  acceptor.accept(redeem);
  const page = await on.newPage(options);
  await page.goto(`${acceptor.redirectUri}/?${query}&state=right`);
  await page.screenshot({ path: join(folder ?? 'docs', `${name}.png`) });
  await page.close();
}
