// The words of a sign-in. sign-in-view.ts decides when the person sees them.
import { hostname } from 'node:os';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import type { Surroundings } from './surroundings.ts';

const microsoftPage = 'https://github.com/onedrive-token/onedrive-token/blob/main/docs/microsoft.md';

/** An error page of the provider's looks like any other page to this process. */
export function explainErrorPages(settings: Settings): string {
  const suggest = (options: string): string => suggestCommand(`login ${options}`, settings);
  return `Does the browser show an error instead? Such a page never comes back here. Look for its number:
  AADSTS700016   the client id is wrong, or the app does not allow personal accounts
  AADSTS50011    the registration lacks the redirect URI http://localhost (Mobile and desktop applications)
  others         ${microsoftPage}#the-errors
The browser says that it cannot reach localhost?   ${suggest('--paste')}
The browser warns about a form?                    ${suggest('--response-mode query')}
A blank page, or Firefox or Safari blocks it?      ${microsoftPage}#browsers-that-stop-the-way-back
`;
}

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
  const copy = `Copy that page's address (http://${host}/?code=...) here.`;
  const device = `Or enter a short code on your phone instead: ${suggestCommand('login --device', settings)}`;
  const lines = isListening
    ? [
        'Sign in there. Browser on another computer? It ends on an error page.',
        copy,
        'On this computer, nothing to paste.',
        ...withoutPasting(place, host),
        device,
      ]
    : ['Sign in there. The browser then ends on an error page.', copy, device];
  return `${lines.join('\n')}\n`;
}

/** How a browser elsewhere reaches the port, so that there is nothing to paste. */
function withoutPasting(place: Surroundings['place'], host: string): string[] {
  const port = host.slice(host.lastIndexOf(':') + 1);
  if (place === 'ssh')
    return [
      'Or forward the port on the computer you sit at, before you open the address there:',
      `  ssh -N -L ${port}:${host} ${hostname()}`,
    ];
  if (place === 'container')
    return ["If this container shares its host's network, a browser of the host needs no pasting either."];
  return [];
}
