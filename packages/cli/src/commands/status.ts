import type { SignInStatus } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { openSession } from '../session/session.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Shows who is signed in, without asking the provider. */
export async function status(command: Command): Promise<number> {
  const { settings } = command;
  await using session = await openSession(command, { interactive: false });
  const found = await session.handler.status();
  if (settings.json) writeOut(`${JSON.stringify(found)}\n`);
  else if (found.signedIn) writeOut(describe(found, settings.db));
  else writeOut(`Not signed in. Run: ${suggestCommand('login', settings)}\n`);
  return found.signedIn ? exitStatus.done : exitStatus.signInNeeded;
}

/** ' as Ada Lovelace (ada@example.com)', or '' if the account is not known. */
export function describeAccount({ account }: SignInStatus): string {
  const { name, username } = account ?? {};
  if (!name && !username) return '';
  return printable(name && username ? ` as ${name} (${username})` : ` as ${name ?? username}`);
}

function describe(found: SignInStatus, db: string): string {
  const { appName, scopes, accessTokenExpiresAt, refreshedAt } = found;
  const rows: [string, string | undefined][] = [
    ['App name', appName],
    ['Scopes', scopes.join(' ')],
    ['Access token', accessTokenExpiresAt && describeExpiry(accessTokenExpiresAt)],
    ['Refreshed', refreshedAt && localTime(refreshedAt)],
    ['Database', db],
  ].filter((row): row is [string, string] => Boolean(row[1]));
  return `Signed in${describeAccount(found)}.\n${rows.map(([name, value]) => `${name.padEnd(14)}${printable(value ?? '')}\n`).join('')}`;
}

function describeExpiry(expiresAt: number): string {
  const minutes = Math.floor((expiresAt - Date.now()) / 60_000);
  return minutes >= 0
    ? `valid until ${localTime(expiresAt)} (${minutes} min)`
    : `expired ${localTime(expiresAt)}; the next command refreshes it`;
}

/** 2026-01-31 14:05:09, in the local time zone: sortable, and the same in every locale. */
function localTime(timestamp: number): string {
  const date = new Date(timestamp);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
