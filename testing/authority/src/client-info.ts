import { accountById, consumerTenant } from './accounts.ts';

/** Who signed in, as MSAL wants to know it where a request says `client_info=1`: it makes an account's key of it. */
export function clientInfoOf(accountId: string): string {
  const info = { ver: '1.0', uid: accountById(accountId)?.oid, utid: consumerTenant };
  return Buffer.from(JSON.stringify(info)).toString('base64url');
}
