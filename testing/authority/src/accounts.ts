import { createHash } from 'node:crypto';

/** The tenant of all personal accounts: the `tid` claim that Microsoft gives every Outlook or Hotmail user. */
export const consumerTenant = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** The password of every account here. The sign-in page shows it. */
export const accountPassword = 'correct-horse';

/** A user. Every e-mail address has an account, so a test can invent users. */
export interface Account {
  /** The pairwise subject, Microsoft's `sub`. */
  readonly id: string;
  readonly username: string;
  readonly name: string;
  /** The immutable object id, a GUID that starts with zeros for personal accounts. */
  readonly oid: string;
}

const accounts = new Map<string, Account>();

/** The account of an e-mail address, in any case. Undefined if it is no address. */
export function accountOf(username: string): Account | undefined {
  const address = username.trim().toLowerCase();
  if (!/^[^\s@]+@[^\s@]+$/.test(address)) return undefined;
  const hash = createHash('sha256').update(address).digest();
  const puid = hash.toString('hex', 0, 8);
  const account = {
    id: `AAAAAAAAAAAAAAAAAAAAA${hash.toString('base64url', 8, 24)}`,
    username: address,
    name: address
      .slice(0, address.indexOf('@'))
      .split(/[._-]+/)
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join(' '),
    oid: `00000000-0000-0000-${puid.slice(0, 4)}-${puid.slice(4)}`,
  };
  accounts.set(account.id, account);
  return account;
}

/** An account that signed in before, by its subject. */
export function accountById(id: string): Account | undefined {
  return accounts.get(id);
}

/** The `client_info` of an account, for a request with `client_info=1`. MSAL makes its key of an account from this. */
export function clientInfoOf(accountId: string): string {
  const info = { ver: '1.0', uid: accountById(accountId)?.oid, utid: consumerTenant };
  return Buffer.from(JSON.stringify(info)).toString('base64url');
}
