import { homedir } from 'node:os';
import * as oauth from 'openid-client';
import { SharedToken } from 'shared-token';
import { openFileTokenStore } from 'token-store-file';

const issuer = 'https://login.example.com';
const discover = () => oauth.discovery(new URL(issuer), 'my-client-id', undefined, oauth.None());
const shared = new SharedToken({
  store: openFileTokenStore(`${homedir()}/.my-app/tokens.json`),
  name: 'my-app',
  clientId: 'my-client-id',
  authority: issuer,
  refresh: async ({ refreshToken }) => oauth.refreshTokenGrant(await discover(), refreshToken),
  async signIn({ signal }) {
    const config = await discover();
    const device = await oauth.initiateDeviceAuthorization(config, { scope: 'openid offline_access' });
    console.error(`Open ${device.verification_uri} and type ${device.user_code}`);
    return oauth.pollDeviceAuthorizationGrant(config, device, undefined, { signal });
  },
});
console.log(await shared.getToken()); // { accessToken: 'eyJhbGci…', expiresAt: 1767139200000, obtainedAt: 1767135600000 }
await shared.close();
