import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { AnsiUp } from 'ansi_up';
import { launchChromium } from 'testing-browsers/chromium';

const demo = join(import.meta.dirname, 'main.ts');

/** Runs the demonstration, and writes a picture of its output to a file, as PNG. */
export async function takeDemoPicture(file: string): Promise<void> {
  const { stdout, status, stderr } = spawnSync(process.execPath, [demo], {
    encoding: 'utf8',
    env: { ...process.env, CI: '1', FORCE_COLOR: '1', ONEDRIVE_TOKEN_CLIENT_ID: '' },
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`the demonstration failed: ${stderr}`);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ deviceScaleFactor: 1.5 });
    await page.setContent(`<!doctype html><style>
      body { margin: 0; background: #0d1117; }
      pre { display: inline-block; width: 104ch; margin: 0; padding: 20px 24px; color: #d6dde4;
            font: 13px/1.45 ui-monospace, 'DejaVu Sans Mono', monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
    </style><pre>$ npx --yes pnpm@12.21.0 start
${new AnsiUp().ansi_to_html(stdout.trim())}</pre>`);
    await page.locator('pre').screenshot({ path: file });
  } finally {
    await browser.close();
  }
}
