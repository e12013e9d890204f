import type { SignInStatus } from 'onedrive-token-handler';
import { expiresSoon } from '../settings/expires-soon.ts';
import type { Settings } from '../settings/settings.ts';

/** Warns on stderr if a sign-in that works expires soon. */
export async function warnIfExpiring(status: SignInStatus | undefined, settings: Settings): Promise<void> {
  const { renewBy, refusedAt } = status ?? {};
  if (refusedAt !== undefined || !expiresSoon(renewBy)) return;
  (await import('./renewal-notice.ts')).warnOfExpiry(renewBy, settings);
}
