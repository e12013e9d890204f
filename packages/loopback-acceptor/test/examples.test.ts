import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { signInToGitHub } from '../examples/github.ts';
import { signInToGoogle } from '../examples/google.ts';
import { sendRequest } from './send-request.ts';

// Without network, so each example runs up to the browser, which comes back with an error.
const client = { clientId: 'the-client', clientSecret: 'the-secret' };
for (const [name, origin, redirectUri, signIn] of [
  ['GitHub', 'https://github.com', /^http:\/\/127\.0\.0\.1:\d+\/callback$/, signInToGitHub],
  ['Google', 'https://accounts.google.com', /^http:\/\/127\.0\.0\.1:\d+$/, signInToGoogle],
] as const) {
  test(`the ${name} example sends the browser to ${name} with PKCE and waits for the answer`, async () => {
    let opened: URL | undefined;
    const openBrowser = (url: string): unknown => {
      opened = new URL(url);
      const { searchParams } = opened;
      return sendRequest(
        `${new URL('?error=access_denied', searchParams.get('redirect_uri') ?? '')}&state=${searchParams.get('state')}`,
      );
    };
    const error = await rejection(signIn(client, openBrowser));
    assert.is(error.code, 'AUTHORIZATION_ERROR');
    assert.is(opened?.origin, origin);
    assert.match(opened?.searchParams.get('redirect_uri') ?? '', redirectUri);
    assert.match(opened?.searchParams.get('code_challenge') ?? '', /^[\w-]{43}$/);
    assert.is(opened?.searchParams.get('code_challenge_method'), 'S256');
    assert.is(opened?.searchParams.get('client_id'), 'the-client');
    assert.not.match(opened?.href ?? '', 'the-secret');
  });
}

test.run();
