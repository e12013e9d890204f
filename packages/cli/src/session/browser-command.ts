import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';

/**
 * Opens `url` with the command in the variable BROWSER: the address replaces `%s` in it, or is its last argument. Resolves when the
 * browser has ended, which may be long after the sign-in. Rejects if it could not be started, or ended with another status than 0.
 */
export async function openWithBrowserCommand(browser: string, url: string): Promise<void> {
  const words = browserWords(browser);
  const [file = '', ...args] = browser.includes('%s')
    ? words.map((word) => word.replaceAll('%s', () => url))
    : [...words, url];
  // `ignore` keeps what the browser prints out of our stdout. `detached` lets it survive the Ctrl-C that ends us.
  const child = spawn(file, args, { stdio: 'ignore', detached: true });
  child.unref();
  const [status, signal] = await once(child, 'exit');
  if (status !== 0) throw new Error(`${file} ended with ${status === null ? signal : `status ${status}`}`);
}

/** The words of the command in the variable BROWSER, split like a shell does, with single and double quotes. */
export function browserWords(browser: string): string[] {
  // The name of an existing file may contain spaces.
  if (existsSync(browser)) return [browser];
  return [...browser.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}
