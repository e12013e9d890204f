import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import isInSsh from 'is-in-ssh';
import isWsl from 'is-wsl';

const thisProcess = { env: process.env, platform: process.platform, isInSsh, isWsl };

/** Whether a browser can be opened here, in front of the person. Tests pass the clues of other places. */
export function hasBrowser(clues: Partial<typeof thisProcess> = {}): boolean {
  const { env, platform, ...found } = { ...thisProcess, ...clues };
  if (env.BROWSER) return true;
  // Over SSH, macOS and Windows would open the browser on the screen of the remote computer.
  if (platform === 'win32' || platform === 'darwin') return !found.isInSsh;
  // In WSL a browser of Windows opens. It reaches a listener on the loopback address of WSL.
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY) || (found.isWsl && !found.isInSsh);
}

/**
 * Opens `url` with the first command in the variable BROWSER that succeeds. The address replaces `%s`, or becomes the last argument.
 * Resolves when the browser has ended, which may be long after the sign-in. Rejects if no command ended with status 0.
 */
export async function openWithBrowserCommand(browser: string, url: string): Promise<void> {
  let failure: unknown = new Error('BROWSER names no command');
  for (const words of browserCommands(browser)) {
    const [file = '', ...args] = words.some((word) => word.includes('%s'))
      ? words.map((word) => word.replaceAll('%s', () => url))
      : [...words, url];
    try {
      // `ignore` keeps what the browser prints out of our stdout. `detached` lets it survive the Ctrl-C that ends us.
      const [status, signal] = await once(spawn(file, args, { stdio: 'ignore', detached: true }), 'exit');
      if (status === 0) return;
      failure = new Error(`${file} ended with ${status === null ? signal : `status ${status}`}`);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const quoted = `"[^"]*"|'[^']*'`;
const command = new RegExp(`(?:${quoted}|[^"'${delimiter}])+`, 'g');
const word = new RegExp(`(?:${quoted}|[^\\s"'])+`, 'g');

/** The commands in the variable BROWSER, which a colon (on Windows a semicolon) separates, each split into words as in a shell. */
export function browserCommands(browser: string): string[][] {
  // The name of an existing file may contain spaces.
  if (existsSync(browser)) return [[browser]];
  const unquote = (text: string): string => text.replace(/"([^"]*)"|'([^']*)'/g, '$1$2');
  const commands = (browser.match(command) ?? []).map((text) => (text.match(word) ?? []).map(unquote));
  return commands.filter((words) => words.length > 0);
}
