import { hostname } from 'node:os';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import type { Surroundings } from './surroundings.ts';

/** The other ways in where no browser opens here, best first, a line each. */
export function hintsAwayFromBrowser(place: Surroundings['place'], port: string, settings: Settings): string[] {
  const device = `Or enter a short code on your telephone instead: ${suggestCommand('login --device', settings)}`;
  switch (place) {
    case 'ssh':
      return [
        'Or forward the port, on the computer you sit at, before you open the address there:',
        `  ssh -N -L ${port}:localhost:${port} ${hostname()}`,
        device,
      ];
    case 'container':
      return ['In a container that shares the network of its host no pasting is needed.', device];
    case 'wsl':
    case 'desktop':
    case 'headless':
      return [device];
  }
}
