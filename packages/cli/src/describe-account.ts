import type { SignInStatus } from 'onedrive-token-handler';
import { printable } from './terminal/printable.ts';

/** ' as Ada Lovelace (ada@example.com)', or nothing where the account is not known. */
export function describeAccount({ account }: SignInStatus): string {
  const { name, username } = account ?? {};
  if (!name && !username) return '';
  return printable(name && username ? ` as ${name} (${username})` : ` as ${name ?? username}`);
}
