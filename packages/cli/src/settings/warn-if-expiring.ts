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

/** Warns on stderr if a sign-in that works expires soon. */
export function warnIfExpiring(
  { renewBy, refusedAt }: { renewBy?: number; refusedAt?: number },
  settings: Settings,
): void {
  if (refusedAt !== undefined || !expiresSoon(renewBy)) return;
  const left = renewBy - Date.now();
  const day = new Date(renewBy).toLocaleDateString('sv-SE');
  const said = left > 0 ? `expires on ${day}, in ${formatDuration(left)}. Sign in before that` : `expired on ${day}`;
  writeErr(`onedrive-token: the stored sign-in ${said}. Run: ${suggestCommand('login', settings)}\n`);
}
