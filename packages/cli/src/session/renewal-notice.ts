import type { SignInStatus } from 'onedrive-token-handler';
import { formatDuration } from '../settings/read-duration.ts';
import { renewalNoticeMs } from '../settings/renewal-notice-ms.ts';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { writeErr } from '../terminal/streams.ts';

/** Warns on stderr if the stored sign-in expires soon. */
export function warnOfExpiry({ renewBy, refusedAt }: Partial<SignInStatus>, settings: Settings): void {
  if (renewBy === undefined || refusedAt !== undefined) return;
  const left = renewBy - Date.now();
  if (left >= renewalNoticeMs) return;
  const day = new Date(renewBy).toLocaleDateString('sv-SE');
  const said = left > 0 ? `expires on ${day}, in ${formatDuration(left)}. Sign in before that` : `expired on ${day}`;
  writeErr(`onedrive-token: the stored sign-in ${said}. Run: ${suggestCommand('login', settings)}\n`);
}
