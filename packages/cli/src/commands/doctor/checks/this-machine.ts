import { once } from 'node:events';
import { accessSync, constants, existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { readSurroundings } from '../../../session/surroundings.ts';
import { readVersion } from '../../../settings/version.ts';
import type { Check, Finding } from '../check.ts';

const connectTimeoutMs = 3000;

/** What runs. An older Node could not have come here. */
export const checkNode: Check = {
  name: 'node',
  run: () => ({
    ok: true,
    detail: `Node.js ${process.version} for ${process.platform} ${process.arch}; onedrive-token ${readVersion()}`,
  }),
};

/** Whether a browser on this machine could bring its answer to the sign-in, over IPv4 and over IPv6. */
export const checkLoopback: readonly Check[] = [
  loopback('loopback-ipv4', '127.0.0.1', 'Bring the loopback interface up, as root: ip link set lo up'),
  loopback(
    'loopback-ipv6',
    '::1',
    'A sign-in works without it, while 127.0.0.1 works. To have it, as root: sysctl -w net.ipv6.conf.lo.disable_ipv6=0',
  ),
];

function loopback(name: string, address: string, remedy: string): Check {
  return {
    name,
    async run() {
      const server = createServer((socket) => socket.destroy());
      try {
        server.listen({ host: address, port: 0, exclusive: true });
        await once(server, 'listening');
        const { port } = server.address() as { port: number };
        const socket = connect({ host: address, port });
        await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) }).finally(() =>
          socket.destroy(),
        );
        return { ok: true, detail: `${address} accepts connections` };
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return { ok: false, detail: `${address} cannot be used (${code ?? message})`, remedy };
      } finally {
        server.close();
      }
    },
  };
}

/** What would open a browser. */
export const checkBrowser: Check = {
  name: 'browser',
  run(): Finding {
    const { BROWSER: browser, DISPLAY: display, WAYLAND_DISPLAY: wayland } = process.env;
    const paste = 'To sign in without a browser on this machine, run: onedrive-token login --paste';
    if (browser) {
      const program = browser.split(delimiter).map(firstWord).find(isProgram);
      if (program) return { ok: true, detail: `BROWSER starts ${program}` };
      return {
        ok: false,
        detail: `BROWSER names no program that can be started: ${browser}`,
        remedy: `Correct BROWSER. ${paste}`,
      };
    }
    const { place, hasBrowser } = readSurroundings();
    if (!hasBrowser)
      return { ok: false, detail: `no browser can be opened here (${place}: no DISPLAY, no BROWSER)`, remedy: paste };
    const screen = wayland || display;
    return { ok: true, detail: `the default browser of this ${place}${screen ? ` (display ${screen})` : ''}` };
  },
};

/** The first word of a command, without its quotes. */
function firstWord(command: string): string {
  return /^\s*(?:"([^"]*)"|'([^']*)'|(\S+))/.exec(command)?.slice(1).find(Boolean) ?? '';
}

function isProgram(name: string): boolean {
  if (name === '') return false;
  if (name.includes('/') || process.platform === 'win32') return isExecutable(name) || existsSync(name);
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, name)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
