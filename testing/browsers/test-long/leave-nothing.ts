/** A program that opens a browser, then ends as it is told: `node leave-nothing.ts ENGINE ENDING`. Writes `open` when the browser is open. */
import type { BrowserWindow } from '../src/browser-window.ts';
import { openChromium } from '../src/chromium.ts';
import { openFirefox } from '../src/firefox.ts';
import { openWebKit, watchWebKitConsole } from '../src/webkit.ts';

const engines: Record<string, () => Promise<AsyncDisposable>> = {
  chromium: openChromium,
  firefox: openFirefox,
  webkit: openWebKit,
  'webkit-console': () => watchWebKitConsole('about:blank'),
};
const [engine = '', ending] = process.argv.slice(2);
const window = (await engines[engine]?.()) as BrowserWindow;
console.log('open');
if (ending === 'throw') throw new Error('as a test that fails outside of its function');
await window[Symbol.asyncDispose]();
