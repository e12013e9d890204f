// The words of a sign-in. sign-in-view.ts decides when the person sees them.
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';

const microsoftPage = 'https://github.com/onedrive-token/onedrive-token/blob/main/docs/microsoft.md';

/** An error page of the provider's looks like any other page to this process. */
export function explainErrorPages(settings: Settings): string {
  return `Does the browser show an error? Such a page never comes back here. What it means: ${microsoftPage}#the-errors
Does it warn, show nothing, or not reach localhost? ${microsoftPage}#browsers-that-stop-the-way-back
Or run: ${suggestCommand('login --paste', settings)}
`;
}

export interface PasteOptions {
  /** Host and port of the redirect URI. */
  readonly host: string;
  /** Whether this process also waits for a browser on that port. */
  readonly isListening: boolean;
  readonly settings: Settings;
}

/** What to do with the address that was printed. */
export function pasteInstructions({ host, isListening, settings }: PasteOptions): string {
  const [end, here] = isListening
    ? ['Browser on another computer? It ends on an error page.', 'On this computer, nothing to paste.\n']
    : ['The browser then ends on an error page.', ''];
  return `Sign in there. ${end}
Copy that page's address (http://${host}/?code=...) here.
${here}Or enter a short code on your phone instead: ${suggestCommand('login --device', settings)}
`;
}
