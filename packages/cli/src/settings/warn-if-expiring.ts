import type { SignInStatus } from 'onedrive-token-handler';
import { joinProblem, type Problem } from '../terminal/failure.ts';
import { tellErr } from '../terminal/printable.ts';
import type { Settings } from './settings.ts';
import { suggestCommand } from './suggest-command.ts';
import { expiresSoon, formatDuration, localDay } from './time.ts';

/** The one judge of whether a person has to sign in before there can be a new token, as far as is known without asking the provider. */
export function needsSignIn({ signedIn, needsSignIn: hasEnded }: SignInStatus): boolean {
  return !signedIn || hasEnded === true;
}

/** What to say of a sign-in that expires soon, or has expired. `problem` goes on after its name. undefined if it does not. */
export function describeExpiry({ renewBy, renewByIsEstimate }: SignInStatus, settings: Settings): Problem | undefined {
  if (!expiresSoon(renewBy)) return undefined;
  const left = renewBy - Date.now();
  const day = localDay(renewBy);
  const login = `Run: ${suggestCommand('login', settings)}`;
  const refresh = `run: ${suggestCommand('token --refresh', settings)}`;
  if (left > 0) {
    const remedy = renewByIsEstimate ? `To refresh it now, ${refresh}` : `Sign in before that. ${login}`;
    return { problem: `expires on ${day}, in ${formatDuration(left)}`, remedy };
  }
  if (!renewByIsEstimate) return { problem: `expired on ${day}`, remedy: login };
  return { problem: `may have expired on ${day}, 90 days after its last refresh`, remedy: `To find out, ${refresh}` };
}

/** Warns on stderr if the sign-in expires soon, or has expired. Not of one that the provider refused: a refresh says so itself. */
export function warnIfExpiring(status: SignInStatus, settings: Settings): void {
  const expiry = status.refusedAt === undefined && describeExpiry(status, settings);
  if (expiry) tellErr(`onedrive-token: the stored sign-in ${joinProblem(expiry)}\n`);
}
