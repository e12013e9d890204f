/** Takes the pictures of the README in Chromium: `node test/take-screenshots.ts [FOLDER]`, by default into `docs`. */
import { join } from 'node:path';
import { launchChromium } from 'testing-browsers/chromium';
import { openAcceptor } from '../src/index.ts';

const denied = `error=access_denied&error_description=${encodeURIComponent('The user has denied access to the scope requested by the client application.')}`;
const pictures = [
  { name: 'signed-in-light', query: 'code=a', colorScheme: 'light' },
  { name: 'denied-dark', query: denied, colorScheme: 'dark' },
] as const;

const [folder = 'docs'] = process.argv.slice(2);
const browser = await launchChromium();
try {
  for (const { name, query, colorScheme } of pictures) {
    await using acceptor = await openAcceptor({ state: 'right' });
    acceptor.accept(async () => 1);
    const page = await browser.newPage({ viewport: { width: 560, height: 320 }, colorScheme });
    await page.goto(`${acceptor.redirectUri}/?${query}&state=right`);
    await page.screenshot({ path: join(folder, `${name}.png`) });
  }
} finally {
  await browser.close();
}
