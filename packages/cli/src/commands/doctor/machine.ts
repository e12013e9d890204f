import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, resolve } from 'node:path';
import { browserCommands, hasBrowser } from '../../session/browser.ts';
import { readVersion } from '../../settings/command.ts';
import { Failure } from '../../terminal/failure.ts';
import { type Check, DoesNotApply } from './check.ts';

const connectTimeoutMs = 3000;

/** What runs. An older Node could not have come here. */
export const checkNode: Check = {
  name: 'node',
  run: () => `Node.js ${process.version} for ${process.platform} ${process.arch}; onedrive-token ${readVersion()}`,
};

/** Whether a browser on this machine could bring its answer to the sign-in. */
export const checkLoopback: Check = {
  name: 'loopback',
  async run() {
    const server = createServer((socket) => socket.destroy());
    try {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as { port: number };
      const socket = connect({ host: '127.0.0.1', port });
      await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) }).finally(() => socket.destroy());
      return '127.0.0.1 accepts connections';
    } catch (error) {
      const remedy = 'Bring the loopback interface up, as root: ip link set lo up';
      throw new Failure(`127.0.0.1 cannot be used (${(error as Error).message})`, { remedy });
    } finally {
      server.close();
    }
  },
};

/** What would open a browser. A server has none, and that is no error. */
export const checkBrowser: Check = {
  name: 'browser',
  run() {
    const { BROWSER: browser } = process.env;
    if (browser) {
      const program = browserCommands(browser).find(([name = '']) => isProgram(name))?.[0];
      if (program) return `BROWSER starts ${program}`;
      const remedy = 'Correct BROWSER. To sign in without a browser on this machine, run: onedrive-token login --paste';
      throw new Failure(`BROWSER names no program that can be started: ${browser}`, { remedy });
    }
    if (hasBrowser()) return 'the default browser';
    throw new DoesNotApply('none can be opened here: onedrive-token login --paste signs in without one');
  },
};

function isProgram(name: string): boolean {
  // A name without a slash is looked for on the PATH alone.
  const folders = /[/\\]/.test(name) ? [''] : (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => {
    const file = resolve(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}
