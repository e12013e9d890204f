import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const programs = join(import.meta.dirname, 'programs');
const preloaded = join(import.meta.dirname, '../../../scripts/compile-cache.js');
// On Windows Node preloads by URL only. Elsewhere BROWSER is a list with colons between the commands, so it can have no URL.
const preload = process.platform === 'win32' ? pathToFileURL(preloaded).href : preloaded;

/** A value for BROWSER. The preload is for speed alone. */
function browserCommand(program: string): string {
  return `"${process.execPath}" --import "${preload}" "${join(programs, program)}"`;
}

/**
 * A value for BROWSER: signs in and consents at `testing-authority`, without a window. The variable SCRIPTED_BROWSER may have
 * the options of `signInAs`, as JSON.
 */
export const scriptedBrowser = browserCommand('scripted-browser.ts');

/** What a real Chromium shows after the sign-in. */
export interface LastPage {
  url: string;
  text: string;
}

/** A sign-in in a real Chromium, which the command starts. */
export interface ChromiumSignIn {
  /** The variables that make the command open that browser. */
  readonly env: NodeJS.ProcessEnv;
  /** Resolves when the browser is done, which is a moment later than the command. Rejects after 20 s. */
  lastPage(): Promise<LastPage>;
}

/** Prepares a sign-in in Chromium. The browser writes its last page to `resultFile`. `deny`: the user refuses consent. */
export function prepareChromiumSignIn(resultFile: string, { deny = false } = {}): ChromiumSignIn {
  return {
    env: {
      BROWSER: browserCommand('chromium-browser.ts'),
      CHROMIUM_BROWSER: JSON.stringify({ resultFile, deny }),
    },
    async lastPage() {
      for (const end = performance.now() + 20_000; ; await sleep(20)) {
        try {
          return JSON.parse(readFileSync(resultFile, 'utf8'));
        } catch (error) {
          if (performance.now() > end) throw new Error('20 s have passed without a page', { cause: error });
        }
      }
    },
  };
}
