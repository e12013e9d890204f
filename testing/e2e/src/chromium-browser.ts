/**
 * A real Chromium without a window, for the variable BROWSER: signs in and consents by filling in the pages, then writes what
 * it ended on to the file that RESULT_FILE names, as JSON: `{ url, text }`, and a picture to SCREENSHOT_FILE.
 */
import { writeFileSync } from 'node:fs';
import { accountPassword } from 'testing-authority';
import { chromiumPath, launchChromium } from 'testing-authority/chromium';

const [url = ''] = process.argv.slice(2);
const { RESULT_FILE: resultFile = '', SCREENSHOT_FILE: screenshotFile } = process.env;
const browser = await launchChromium(chromiumPath ?? 'chromium');
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(url);
  await page.getByLabel('Email address').fill('ada@example.com');
  await page.getByLabel('Password').fill(accountPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.waitForURL('http://localhost:*/**');
  const text = await page.locator('body').textContent();
  if (screenshotFile) await page.screenshot({ path: screenshotFile });
  writeFileSync(resultFile, JSON.stringify({ url: page.url(), text }));
} finally {
  await browser.close();
}
