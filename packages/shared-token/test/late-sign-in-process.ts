/**
 * A program whose person takes longer than `signInTimeout`: `FOLDER [redeem]`. It prints the code of that error, and ends when the person has
 * answered, which a line on its stdin says.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { SharedToken } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';

const [folder = '', redeems] = process.argv.slice(2);
const shared = new SharedToken({
  store: openTokenStore(join(folder, 'tokens.db')),
  name: 'my-app',
  signInTimeout: 500,
  refresh: () => Promise.reject(new Error('nothing is refreshed here')),
  async signIn({ redeem }) {
    await once(process.stdin, 'data');
    process.stdin.destroy();
    const tokens = { access_token: 'late', refresh_token: 'late-refresh-token' };
    return redeems ? redeem(async () => tokens) : tokens;
  },
});
// Loads what a sign-in needs, so that the person is asked in time.
await shared.read();
await shared.signIn().catch(({ code }: { code: string }) => console.log(code));
await shared.close();
