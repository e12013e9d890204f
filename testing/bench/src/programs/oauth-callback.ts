import { createHash, randomBytes } from 'node:crypto';
import { getAuthCode } from 'oauth-callback';
import { runProgram, scopes } from './run-program.ts';
import { keepAnswer, TokenFile } from './token-file.ts';

await runProgram(({ authority, clientId, folder, port }) => {
  const file = new TokenFile(folder, 'oauth-callback');
  const redirect_uri = `http://localhost:${port}/callback`;
  const base = { client_id: clientId, scope: ['offline_access', ...scopes].join(' '), redirect_uri };
  return {
    async signIn(launch) {
      const [state, code_verifier] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
      const code_challenge = createHash('sha256').update(code_verifier).digest('base64url');
      const query = { ...base, response_type: 'code', state, code_challenge, code_challenge_method: 'S256' };
      const authorizationUrl = `${authority}/oauth2/v2.0/authorize?${new URLSearchParams(query)}`;
      const answer = await getAuthCode({ authorizationUrl, launch, port, timeout: 60_000 });
      if (answer.state !== state) throw new Error('the answer of another sign-in');
      const form = { ...base, grant_type: 'authorization_code', code: answer.code, code_verifier };
      const body = new URLSearchParams(form as Record<string, string>);
      const response = await fetch(`${authority}/oauth2/v2.0/token`, { method: 'POST', body });
      if (!response.ok) throw new Error(`the provider answers ${response.status}`);
      return keepAnswer(file, (await response.json()) as { access_token: string });
    },
  };
});
