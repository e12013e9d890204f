/**
 * The program behind `prepareChromiumSignIn`: a real Chromium without a window. Signs in at the given address, accepts or refuses, and
 * writes what the last page shows to a file, as JSON: `{ url, text }`. CHROMIUM_BROWSER has its options.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { accountPassword } from 'testing-authority';
import { launchChromium } from 'testing-browsers/chromium';

const { resultFile, deny } = JSON.parse(process.env.CHROMIUM_BROWSER ?? '{}') as { resultFile: string; deny: boolean };
const browser = await launchChromium();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(process.argv[2] ?? '');
  await page.getByLabel('Email address').fill('ada@example.com');
  await page.getByLabel('Password').fill(accountPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: deny ? 'Cancel' : 'Accept' }).click();
  await page.waitForURL('http://localhost:*/**');
  const text = await page.locator('body').textContent();
  // A reader finds the whole file or none.
  writeFileSync(`${resultFile}.new`, JSON.stringify({ url: page.url(), text }));
  renameSync(`${resultFile}.new`, resultFile);
} finally {
  await browser.close();
}
