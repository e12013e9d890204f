import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { browserWords } from '../../session/browser-command.ts';
import { hasBrowser } from '../../session/has-browser.ts';
import { readVersion } from '../../settings/command.ts';
import { Failure } from '../../terminal/failure.ts';
import type { Check } from './check.ts';

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
    const [ipv4, ipv6] = await Promise.all(['127.0.0.1', '::1'].map(reasonForNoConnection));
    if (ipv4 !== undefined) {
      const remedy = 'Bring the loopback interface up, as root: ip link set lo up';
      throw new Failure(`127.0.0.1 cannot be used (${ipv4})`, { remedy });
    }
    if (ipv6 === undefined) return '127.0.0.1 and ::1 accept connections';
    return `127.0.0.1 accepts connections; ::1 cannot be used (${ipv6}), and a sign-in works without it`;
  },
};

async function reasonForNoConnection(address: string): Promise<string | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: address, port: 0, exclusive: true });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = connect({ host: address, port });
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) }).finally(() => socket.destroy());
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code ?? message;
  } finally {
    server.close();
  }
}

/** What would open a browser. A server has none, and that is no error. */
export const checkBrowser: Check = {
  name: 'browser',
  run() {
    const { BROWSER: browser, DISPLAY: display, WAYLAND_DISPLAY: wayland } = process.env;
    if (browser) {
      const [program = ''] = browserWords(browser);
      if (isProgram(program)) return `BROWSER starts ${program}`;
      const remedy = 'Correct BROWSER. To sign in without a browser on this machine, run: onedrive-token login --paste';
      throw new Failure(`BROWSER names no program that can be started: ${browser}`, { remedy });
    }
    if (!hasBrowser()) return 'none can be opened here: onedrive-token login --paste signs in without one';
    const screen = wayland || display;
    return `the default browser${screen ? ` of display ${screen}` : ''}`;
  },
};

function isProgram(name: string): boolean {
  if (name === '') return false;
  const isPath = name.includes('/') || process.platform === 'win32';
  const places = isPath ? [name] : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return places.some(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
