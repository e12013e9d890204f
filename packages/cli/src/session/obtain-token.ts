import type { AccessToken } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { Failure } from '../terminal/failure.ts';
import { formatDuration } from '../terminal/format-duration.ts';
import type { TokenSession } from './socket-session.ts';

export interface TokenRequest {
  readonly refresh?: boolean;
  /** How long the token has to be valid, in milliseconds. */
  readonly minValid: number;
}

/** A token that has just been requested is a moment shorter than the provider says. */
const requestToleranceMs = 10_000;

/**
 * A token that is valid for as long as is asked. Throws the error of the refresh, or a Failure if the provider's tokens are
 * shorter than that.
 */
export async function obtainToken(
  { interrupt }: Command,
  session: TokenSession,
  { refresh = false, minValid }: TokenRequest,
): Promise<AccessToken> {
  const token = await session.handler.getTokenDetails({ forceRefresh: refresh, minValid, signal: interrupt.signal });
  const left = token.expiresAt - Date.now();
  if (left + requestToleranceMs >= minValid) return token;
  if (session.bridged) throw session.bridged;
  throw new Failure(
    `--min-valid asks for a token that is valid for ${formatDuration(minValid)}, but the provider's token is valid for ${formatDuration(left)} only. Ask for less, and ask again before each long step`,
  );
}
