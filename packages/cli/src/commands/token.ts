import type { AccessToken } from 'onedrive-token-handler';
import type { TokenSession } from '../session/session.ts';
import { openTokenSource } from '../session/token-source.ts';
import { type Command, defineCommand } from '../settings/command.ts';
import { minValidOption } from '../settings/options.ts';
import { Failure } from '../terminal/failure.ts';
import { printToken } from './print-token.ts';

export const token = defineCommand({
  name: 'token',
  summary: 'print a valid access token (the default command)',
  description: `Prints an access token for Microsoft Graph and a newline on stdout: the stored token while it is valid, otherwise a refreshed one. If you have to sign in, it opens the browser if stdin and stderr are a terminal; otherwise it ends with status 3.

With --json: {"token": string, "expiresAt": number}. expiresAt is in milliseconds since 1970. With --header --json: {"Authorization": string}.

--min-valid ends with status 1 if the provider's tokens are shorter than that.`,
  examples: [
    [
      'curl -H "Authorization: Bearer $(onedrive-token)" https://graph.microsoft.com/v1.0/me/drive',
      'call Graph from a script',
    ],
    [
      'onedrive-token --header | curl -H @- https://graph.microsoft.com/v1.0/me/drive',
      'the same, without the token in a command line',
    ],
    ['onedrive-token --min-valid 45m', 'for a step that takes long'],
    ['onedrive-token token --json --no-interactive', 'for a program: never asks you, ends with status 3 instead'],
  ],
  options: {
    minValid: { ...minValidOption, description: 'how long the token has to be valid at least' },
    refresh: { flags: '--refresh', description: 'get a new token, for example after a 401 from Graph' },
    header: { flags: '--header', description: "print it as a header, 'Authorization: Bearer ...'" },
  },
  async run(command, { header = false, refresh = false, minValid }) {
    await using session = await openTokenSource(command);
    const { accessToken, expiresAt } = await obtainToken(command, session, { refresh, minValid });
    return printToken(accessToken, expiresAt, { json: command.settings.json, header });
  },
});

/** A new token is valid for a moment less than the provider says, because the request took time. */
export const requestToleranceMs = 10_000;

/**
 * Gets a token that is valid for `minValid` milliseconds. Throws the error of the refresh, or a Failure if the provider's tokens are
 * valid for less. Without `minValid`, gets a token that is valid for `wishedMs`, or for less if the provider's tokens are.
 */
export async function obtainToken(
  { interrupt }: Command,
  session: TokenSession,
  { refresh = false, minValid, wishedMs }: { refresh?: boolean; minValid: number | undefined; wishedMs?: number },
): Promise<AccessToken> {
  const ask = (forceRefresh: boolean): Promise<AccessToken> =>
    session.handler.getTokenDetails({ forceRefresh, minValid: minValid ?? wishedMs, signal: interrupt.signal });
  let found = await ask(refresh);
  if (minValid === undefined) return found;
  const isLongEnough = (from: number, { expiresAt }: AccessToken): boolean =>
    expiresAt - from + requestToleranceMs >= minValid;
  // For more than nine tenths of a token's life, the handler does not refresh. Here a person asks for that, so force it.
  if (!isLongEnough(Date.now(), found) && isLongEnough(found.obtainedAt, found) && !session.bridged)
    found = await ask(true);
  if (isLongEnough(Date.now(), found)) return found;
  if (session.bridged) throw session.bridged;
  const seconds = Math.max(0, Math.floor((found.expiresAt - Date.now()) / 1000));
  const problem = `--min-valid asks for ${minValid / 1000}s, but the provider's token is valid for ${seconds}s only`;
  throw new Failure(problem, { remedy: 'Ask for less, and ask again before each long step' });
}
