import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { formatDuration } from '../terminal/format-duration.ts';
import { writeErr } from '../terminal/streams.ts';

/** Warns on stderr that the stored sign-in expires soon. It is loaded only then. */
export function warnOfExpiry(renewBy: number, settings: Settings): void {
  const left = renewBy - Date.now();
  const day = new Date(renewBy).toLocaleDateString('sv-SE');
  const said = left > 0 ? `expires on ${day}, in ${formatDuration(left)}. Sign in before that` : `expired on ${day}`;
  writeErr(`onedrive-token: the stored sign-in ${said}. Run: ${suggestCommand('login', settings)}\n`);
}
