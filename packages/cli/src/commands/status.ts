import type { SignInStatus } from 'onedrive-token-handler';
import { needsSignIn, warnOfEnd } from '../session/stored-sign-in.ts';
import { readStatus } from '../session/token-source.ts';
import { defineCommand } from '../settings/command.ts';
import { type Settings, suggestCommand } from '../settings/settings.ts';
import { formatDuration, localTime, readDuration } from '../settings/time.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printable, tellOut, writeAnswer } from '../terminal/printable.ts';

export const status = defineCommand({
  name: 'status',
  summary: 'show who is signed in, with which scopes',
  description: `Shows what is stored, and sends no request. Never makes or changes a file. The exit status is 0 if you need not sign in, otherwise 3: without a database or a client id, or if the stored sign-in has ended, even if its last token is still valid.

With --json: {"signedIn": boolean, "appName": string, "account"?: {"name"?, "username"?, "id"?}, "scopes": string[], "accessTokenExpiresAt"?: number, "refreshedAt"?: number, "renewBy"?: number, "renewByIsEstimate"?: boolean, "needsSignIn"?: true, "refusedAt"?: number, "refusedBecause"?: string}. Timestamps are in milliseconds since 1970. renewBy says when the sign-in expires unless a refresh renews it before: what the provider says, else an estimate, 90 days after the last refresh. needsSignIn: you have to sign in again, because the provider refused the sign-in at refusedAt, or said that it ends at renewBy. After an estimate, a refresh may still work: the status is 0, with a warning.`,
  examples: [
    ['onedrive-token status', 'for you'],
    ['onedrive-token status --json >/dev/null || onedrive-token login', 'sign in if no sign-in is stored'],
    ['onedrive-token status --fail-if-within 14d', 'for monitoring: status 1 if you have to sign in soon, 3 if now'],
  ],
  options: {
    failIfWithin: {
      flags: '--fail-if-within <duration>',
      description: 'end with status 1 if the sign-in expires within this time, for example 14d',
      read: readDuration,
    },
  },
  async run(command, { failIfWithin }) {
    const { settings } = command;
    const { found, missing } = await readStatus(command);
    const hasEnded = needsSignIn(found);
    if (!hasEnded) warnOfEnd(found, settings);
    if (settings.json) writeAnswer(`${JSON.stringify(found)}\n`);
    else tellOut(missing ? `Not signed in: ${missing.message}\n` : describe(found, settings));
    if (hasEnded) return exitStatus.signInNeeded;
    const left = (found.renewBy ?? Number.POSITIVE_INFINITY) - Date.now();
    return failIfWithin !== undefined && left < failIfWithin ? exitStatus.failed : exitStatus.done;
  },
});

/** ' as Ada Lovelace (ada@example.com)', or '' if the account is not known. */
export function describeAccount({ account }: SignInStatus): string {
  const { name, username } = account ?? {};
  if (!name && !username) return '';
  return printable(name && username ? ` as ${name} (${username})` : ` as ${name ?? username}`);
}

function describe(found: SignInStatus, settings: Settings): string {
  const { appName, scopes, refreshedAt, refusedAt, refusedBecause, renewBy } = found;
  const hasEnded = needsSignIn(found);
  const rows: readonly (readonly [name: string, value: string | undefined])[] = [
    ['App name', appName],
    ['Scopes', scopes.join(' ')],
    ['Access token', describeExpiry(found)],
    ['Refreshed', localTime(refreshedAt)],
    [hasEnded ? 'Expired' : 'Sign in by', refusedAt === undefined ? localTime(renewBy) : undefined],
    ['Refused', localTime(refusedAt)],
    ['Because', refusedBecause],
    settings.socket === undefined ? ['Database', settings.db] : ['Socket', settings.socket],
  ];
  return [
    `${hasEnded ? 'No longer signed in' : 'Signed in'}${describeAccount(found)}.\n`,
    ...rows.map(([name, value]) => (value ? `${name.padEnd(14)}${printable(value)}\n` : '')),
    hasEnded ? `Run: ${suggestCommand('login', settings)}\n` : '',
  ].join('');
}

function describeExpiry(found: SignInStatus): string | undefined {
  const { accessTokenExpiresAt: expiresAt, refreshedAt = 0 } = found;
  if (expiresAt === undefined) return undefined;
  if (refreshedAt > Date.now()) return `until ${localTime(expiresAt)}, by a clock that was ahead of this one`;
  const left = expiresAt - Date.now();
  if (left > 0) return `valid until ${localTime(expiresAt)} (${formatDuration(left)})`;
  return `expired ${localTime(expiresAt)}${needsSignIn(found) ? '' : '; the next command refreshes it'}`;
}
