/**
 * A program that asks a person: `FOLDER ORIGIN SCOPE`. It prints `ready`, and after a line on stdin its token and what it was
 * granted. To ask is one request to the stand-in at ORIGIN, for what it needs and what was granted before.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { SharedToken, type TokenRecord, type TokenResponse } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';

const [folder = '', origin = '', needed = ''] = process.argv.slice(2);
const scopesOf = ({ scope = '' }: { scope?: string | undefined }): string[] => scope.split(' ').filter(Boolean);
using store = openTokenStore(join(folder, 'tokens.db'));
await using shared = new SharedToken({
  store,
  name: 'my-app',
  refresh: () => Promise.reject(new Error('nothing is to be refreshed')),
  accepts: (record: TokenRecord) => scopesOf(record).includes(needed),
  async signIn({ record = {} }) {
    const scope = [...new Set([...scopesOf(record), needed])].join(' ');
    const response = await fetch(origin, { method: 'POST', body: new URLSearchParams({ scope }) });
    return (await response.json()) as TokenResponse;
  },
});
console.log('ready');
await once(process.stdin, 'data');
const { accessToken } = await shared.getToken();
console.log(`${accessToken}: ${(await shared.read())?.scope}`);
process.stdin.destroy();
