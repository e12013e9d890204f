import { hostname } from 'node:os';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import type { Surroundings } from './surroundings.ts';

export interface PasteOptions {
  readonly place: Surroundings['place'];
  /** Host and port of the redirect URI. */
  readonly host: string;
  /** Whether this process also waits for a browser on that port. */
  readonly isListening: boolean;
  readonly settings: Settings;
}

/** What to do with the address that was printed, and the other sign-in methods. */
export function pasteInstructions({ place, host, isListening, settings }: PasteOptions): string {
  const address = `http://${host}/?code=...`;
  const device = `Or enter a short code on your phone instead: ${suggestCommand('login --device', settings)}`;
  const lines = isListening
    ? [
        'Sign in there. Browser on another computer? It ends on an error page.',
        `Copy that page's address (${address}) here.`,
        'On this computer, nothing to paste.',
        ...withoutPasting(place, host),
        device,
      ]
    : ['Sign in there. The browser then ends on an error page.', `Copy that page's address (${address}) here.`, device];
  return `${lines.join('\n')}\n`;
}

/** How a browser elsewhere reaches the port, so that there is nothing to paste. */
function withoutPasting(place: Surroundings['place'], host: string): string[] {
  const port = host.slice(host.lastIndexOf(':') + 1);
  switch (place) {
    case 'ssh':
      return [
        'Or forward the port on the computer you sit at, before you open the address there:',
        `  ssh -N -L ${port}:${host} ${hostname()}`,
      ];
    case 'container':
      return ["If this container shares its host's network, a browser of the host needs no pasting either."];
    case 'wsl':
    case 'desktop':
    case 'headless':
      return [];
  }
}
