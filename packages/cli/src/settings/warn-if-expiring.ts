import type { SignInStatus } from 'onedrive-token-handler';
import { writeErr } from '../terminal/streams.ts';
import { formatDuration } from './duration.ts';
import type { Settings } from './settings.ts';
import { suggestCommand } from './suggest-command.ts';

/** A sign-in that expires within this time makes every command that reads it warn. */
const noticeMs = 14 * 86_400_000;

/** Whether a person should be warned. `renewBy`: epoch milliseconds; undefined if it is not known. */
export function expiresSoon(renewBy: number | undefined): renewBy is number {
  return renewBy !== undefined && renewBy - Date.now() < noticeMs;
}

/** Whether a person has to sign in before there can be a token, as far as is known without asking the provider. */
export function needsSignIn({ signedIn, refusedAt }: SignInStatus): boolean {
  return !signedIn || refusedAt !== undefined;
}

/** Warns on stderr if a sign-in that works expires soon. */
export function warnIfExpiring(status: SignInStatus, settings: Settings): void {
  const { renewBy } = status;
  if (needsSignIn(status) || !expiresSoon(renewBy)) return;
  const left = renewBy - Date.now();
  const day = new Date(renewBy).toLocaleDateString('sv-SE');
  const said = left > 0 ? `expires on ${day}, in ${formatDuration(left)}. Sign in before that` : `expired on ${day}`;
  writeErr(`onedrive-token: the stored sign-in ${said}. Run: ${suggestCommand('login', settings)}\n`);
}
