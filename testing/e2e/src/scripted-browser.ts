/**
 * A browser without a window, for the variable BROWSER: goes through sign-in and consent of `testing-authority` as a
 * person would who accepts everything.
 *
 *   BROWSER='node scripted-browser.ts'
 */
import { signInAs } from 'testing-authority';

const [url] = process.argv.slice(2);
if (!url) throw new Error('the address to open is missing');
await signInAs(url, { signal: AbortSignal.timeout(30_000) });
