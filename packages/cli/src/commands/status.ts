import type { SignInStatus } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { describeAccount } from '../describe-account.ts';
import { exitStatus } from '../exit-status.ts';
import { openSession } from '../session/session.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Says who is signed in, without asking the provider. */
export async function status(command: Command): Promise<number> {
  const { settings } = command;
  await using session = await openSession(command, { interactive: false });
  const found = await session.handler.status();
  if (settings.json) writeOut(`${JSON.stringify(found)}\n`);
  else if (found.signedIn) writeOut(describe(found, settings.db));
  else writeOut(`Not signed in. Run: ${suggestCommand('login', settings)}\n`);
  return found.signedIn ? exitStatus.done : exitStatus.signInNeeded;
}

function describe(found: SignInStatus, db: string): string {
  const { appName, scopes, accessTokenExpiresAt, refreshedAt } = found;
  const rows: [string, string | undefined][] = [
    ['App name', appName],
    ['Scopes', scopes.join(' ')],
    ['Access token', accessTokenExpiresAt && describeEnd(accessTokenExpiresAt)],
    ['Refreshed', refreshedAt && localTime(refreshedAt)],
    ['Database', db],
  ].filter((row): row is [string, string] => Boolean(row[1]));
  return `Signed in${describeAccount(found)}.\n${rows.map(([name, value]) => `${name.padEnd(14)}${printable(value ?? '')}\n`).join('')}`;
}

function describeEnd(expiresAt: number): string {
  const minutes = Math.floor((expiresAt - Date.now()) / 60_000);
  return minutes >= 0
    ? `valid until ${localTime(expiresAt)} (${minutes} min)`
    : `ended ${localTime(expiresAt)}; the next use refreshes it`;
}

/** 2026-01-31 14:05:09, by the clock on the wall, sortable, the same in every locale. */
function localTime(instant: number): string {
  const date = new Date(instant);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
