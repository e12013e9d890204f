import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';

/**
 * Opens `url` with the variable BROWSER: commands separated by `:` (`;` on Windows), of which the first that works is used. The
 * address replaces `%s` in the command, or is its last argument. Resolves when the browser has ended, which may be long after
 * the sign-in. Rejects if no command could be started, or if the last one ended with another status than 0.
 */
export async function openWithBrowserCommand(browser: string, url: string): Promise<void> {
  let failure: unknown = new Error('BROWSER names no command');
  for (const words of browserCommands(browser)) {
    try {
      return await run(words, url);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The commands in the variable BROWSER, each as its words. */
export function browserCommands(browser: string): readonly string[][] {
  // The name of an existing file may contain separators and spaces.
  if (existsSync(browser)) return [[browser]];
  const commands = browser.split(delimiter).map(splitWords);
  return commands.filter((words) => words.length > 0);
}

function run(words: readonly string[], url: string): Promise<void> {
  const [file = '', ...args] = words.some((word) => word.includes('%s'))
    ? words.map((word) => word.replaceAll('%s', () => url))
    : [...words, url];
  return new Promise((resolve, reject) => {
    // `ignore` keeps what the browser prints out of our stdout. `detached` lets it survive the Ctrl-C that ends us.
    const child = spawn(file, args, { stdio: 'ignore', detached: true });
    child.unref();
    child.once('error', reject);
    child.once('exit', (status, signal) => {
      if (status === 0) resolve();
      else reject(new Error(`${file} ended with ${status === null ? signal : `status ${status}`}`));
    });
  });
}

/** Splits a command into words like a shell, with single and double quotes. */
function splitWords(command: string): string[] {
  return [...command.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}
