import { openAcceptor } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';

const provider = 'https://login.microsoftonline.com/consumers/oauth2/v2.0';
const client_id = '11111111-2222-3333-4444-555555555555';
const state = createState();
const { verifier, challenge } = await createPkce();
const acceptor = await openAcceptor({ state });
const redirect_uri = acceptor.redirectUri; // 'http://localhost:49152'
const tokens = acceptor.accept(async ({ code }) => {
  const form = { grant_type: 'authorization_code', client_id, code, redirect_uri, code_verifier: verifier };
  const response = await fetch(`${provider}/token`, { method: 'POST', body: new URLSearchParams(form) });
  if (!response.ok) throw new Error(`The provider answered ${response.status}`);
  return response.json(); // only now does the browser show "You are signed in"
});

const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };
const request = { response_type: 'code', client_id, redirect_uri, scope: 'User.Read', state, ...pkce };
console.log(`Open ${provider}/authorize?${new URLSearchParams(request)}`);
console.log(await tokens); // { access_token: 'EwB4A8l6…', token_type: 'Bearer', expires_in: 3600, … }
