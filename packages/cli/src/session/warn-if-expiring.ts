import type { SignInStatus } from 'onedrive-token-handler';
import { expiresSoon } from '../settings/expires-soon.ts';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { formatDuration } from '../terminal/format-duration.ts';
import { writeErr } from '../terminal/streams.ts';

/** Warns on stderr if a sign-in that works expires soon. */
export function warnIfExpiring(status: SignInStatus | undefined, settings: Settings): void {
  const { renewBy, refusedAt } = status ?? {};
  if (refusedAt !== undefined || !expiresSoon(renewBy)) return;
  const left = renewBy - Date.now();
  const day = new Date(renewBy).toLocaleDateString('sv-SE');
  const said = left > 0 ? `expires on ${day}, in ${formatDuration(left)}. Sign in before that` : `expired on ${day}`;
  writeErr(`onedrive-token: the stored sign-in ${said}. Run: ${suggestCommand('login', settings)}\n`);
}
