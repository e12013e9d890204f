import { PublicClientApplication } from '@azure/msal-node';
import { approveDevice, startAuthority } from 'testing-authority';
import { microsoft, networkClientFor } from 'testing-authority/msal-network-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DriveItem, GraphClient } from '../src/index.ts';
import { openScene } from './scene.ts';

const refresh = 'refresh_token';

test('with onedrive-token-handler: it gives the token, its fetch carries it, and a 401 makes one refresh', async () => {
  await using scene = await openScene();
  const { handler, authority } = scene;
  const client = scene.client({ fetch: (url, init) => handler.fetch(url, init) });
  assert.is((await client.json<{ driveType: string }>('/me/drive')).driveType, 'personal');
  await authority.expireAccessTokens();
  const before = authority.count('token', refresh);
  const names: string[] = [];
  for await (const { name } of client.pages<DriveItem>('/me/drive/root/children?$top=3')) names.push(name);
  assert.ok(names.includes('Documents'));
  assert.is(authority.count('token', refresh), before + 1);
});

test('with msal-node: acquireTokenSilent gives the token, and forceRefresh after a 401', async () => {
  await using authority = await startAuthority({ deviceInterval: 0 });
  const scopes = ['Files.ReadWrite.All'];
  const app = new PublicClientApplication({
    auth: { clientId: authority.clientId, authority: `${microsoft}/consumers` },
    system: { networkClient: networkClientFor(authority) },
  });
  const signedIn = await app.acquireTokenByDeviceCode({
    scopes,
    timeout: 20,
    deviceCodeCallback: ({ verificationUri, userCode }) => void approveDevice(verificationUri, userCode),
  });
  const account = signedIn?.account;
  assert.ok(account);

  const client = new GraphClient({
    root: authority.graphUrl,
    getToken: async ({ forceRefresh }) => (await app.acquireTokenSilent({ account, scopes, forceRefresh })).accessToken,
  });
  const { userPrincipalName } = await client.json<{ userPrincipalName: string }>('/me');
  assert.is(userPrincipalName, account.username);
  await authority.expireAccessTokens();
  const before = authority.count('token', refresh);
  assert.is((await client.json<{ driveType: string }>('/me/drive')).driveType, 'personal');
  assert.is(authority.count('token', refresh), before + 1);
});

test.run();
