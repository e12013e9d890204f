import { ScriptedBrowser } from 'testing-authority';
import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openGoogle } from '../../examples/google.ts';
import { MemoryStore } from '../memory-store.ts';
import { type StandIn, startStandIn } from './stand-ins.ts';

const client = { clientId: '1234.apps.googleusercontent.com', clientSecret: 'GOCSPX-not-a-secret' };
const scopes = ['openid', 'https://www.googleapis.com/auth/drive.file'];

interface Google extends StandIn {
  readonly person: { granted: string };
}

/** What Google's documentation says of desktop apps: refresh tokens do not rotate. */
async function startGoogle(): Promise<Google> {
  let issued = 0;
  const person = { granted: scopes.join(' ') };
  const standIn = await startStandIn((path, form) => {
    if (path === '/auth') {
      const answer = new URLSearchParams({ code: '4/code', state: form.state ?? '', scope: person.granted });
      return { location: `${form.redirect_uri}/?${answer}` };
    }
    const isKnown = form.code === '4/code' || form.refresh_token === '1//refresh';
    if (!isKnown) {
      return { status: 400, body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' } };
    }
    issued++;
    const body = { access_token: `ya29.${issued}`, expires_in: 3599, scope: person.granted, token_type: 'Bearer' };
    return { body: form.code === undefined ? body : { ...body, refresh_token: '1//refresh' } };
  });
  return Object.assign(standIn, { person });
}

function open(google: Google, store: MemoryStore, pages: string[] = []) {
  const endpoints = { authorize: `${google.origin}/auth`, token: `${google.origin}/token` };
  const openBrowser = (url: string): void => {
    void new ScriptedBrowser().open(url).then(({ html }) => pages.push(html));
  };
  return openGoogle({ ...client, scopes, store, openBrowser, endpoints });
}

test('invalid_grant needs a sign-in', async () => {
  await using google = await startGoogle();
  const store = new MemoryStore();
  await store.set('google', { refreshToken: '1//revoked', clientId: client.clientId, scope: scopes.join(' ') });
  await using shared = open(google, store);
  const error = await rejection(shared.getToken({ interactive: false }));
  assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'refused']);
});

test('the browser signs in; its page says so when the tokens are stored', async () => {
  await using google = await startGoogle();
  const store = new MemoryStore();
  const pages: string[] = [];
  await using shared = open(google, store, pages);
  assert.is((await shared.getToken()).accessToken, 'ya29.1');
  assert.is(store.records.get('google')?.refreshToken, '1//refresh');
  const [authorize] = google.requests;
  assert.is(authorize?.form.access_type, 'offline');
  assert.match(authorize?.form.code_challenge ?? '', /^[\w-]{43}$/);
});

test('a refresh keeps the refresh token', async () => {
  await using google = await startGoogle();
  const store = new MemoryStore();
  await using shared = open(google, store);
  await shared.getToken();
  assert.is((await shared.getToken({ forceRefresh: true })).accessToken, 'ya29.2');
  assert.is(store.records.get('google')?.refreshToken, '1//refresh');
});

test('a person who grants fewer scopes is asked again the next time', async () => {
  await using google = await startGoogle();
  const store = new MemoryStore();
  google.person.granted = 'openid';
  await using shared = open(google, store);
  await shared.getToken();
  const error = await rejection(open(google, store).getToken({ interactive: false }));
  assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'not-accepted']);
});

test.run();
