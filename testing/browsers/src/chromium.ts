// The types of playwright-core need those of a page.
/// <reference lib="dom" />
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** The executable `chromium` on PATH (Debian: `apt install chromium`). Undefined if there is none. */
export const chromiumPath = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Starts Chromium without a window. It makes no requests of its own. Rejects if Chromium is not installed. */
export async function launchChromium(): Promise<Browser> {
  if (!chromiumPath) throw new Error('there is no chromium on PATH (Debian: apt install chromium)');
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
}
