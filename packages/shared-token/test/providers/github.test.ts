import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openGitHub } from '../../examples/github.ts';
import { MemoryStore } from '../memory-store.ts';
import { type StandIn, startStandIn } from './stand-ins.ts';

const clientId = 'Iv1.0123456789abcdef';

/** What GitHub's documentation says of the device flow and of user tokens that expire. */
async function startGitHub(): Promise<StandIn & { readonly shown: string[]; pending: string[] }> {
  let issued = 0;
  const pending = ['authorization_pending'];
  const error = (name: string) => ({ body: { error: name, error_description: 'See the documentation.' } });
  const standIn = await startStandIn((path, form) => {
    if (form.client_id !== clientId) return error('incorrect_client_credentials');
    if (path === '/login/device/code') {
      const verification_uri = 'https://github.com/login/device';
      return { body: { device_code: 'dev', user_code: 'WDJB-MJHT', verification_uri, expires_in: 900, interval: 0 } };
    }
    const answer = form.device_code === undefined ? undefined : pending.shift();
    if (answer === 'a connection that breaks') return { breaks: true };
    if (answer !== undefined) return error(answer);
    if (form.refresh_token !== undefined && form.refresh_token !== `ghr_${issued}`) return error('bad_refresh_token');
    issued++;
    const expires = { expires_in: 28_800, refresh_token_expires_in: 15_897_600 };
    const tokens = { access_token: `ghu_${issued}`, refresh_token: `ghr_${issued}` };
    return { body: { ...tokens, ...expires, scope: '', token_type: 'bearer' } };
  });
  return Object.assign(standIn, { shown: [], pending });
}

function open(github: Awaited<ReturnType<typeof startGitHub>>, store: MemoryStore) {
  const showCode = (...shown: string[]) => github.shown.push(...shown);
  return openGitHub({ clientId, store, showCode, origin: github.origin });
}

test('a person who refuses: the error reaches the caller', async () => {
  await using github = await startGitHub();
  github.pending.push('access_denied');
  const error = await rejection(open(github, new MemoryStore()).getToken());
  assert.equal([error.name, error.error], ['GitHubError', 'access_denied']);
});

test('the device flow signs in, and the record knows when the refresh token expires', async () => {
  await using github = await startGitHub();
  const store = new MemoryStore();
  await using shared = open(github, store);
  const { accessToken, expiresAt, obtainedAt } = await shared.getToken();
  assert.is(accessToken, 'ghu_1');
  assert.is(expiresAt - obtainedAt, 8 * 3_600_000);
  assert.is(store.records.get('github')?.refreshExpiresAt, obtainedAt + 15_897_600_000);
  assert.equal(github.shown, ['https://github.com/login/device', 'WDJB-MJHT']);
  assert.ok(github.requests.every(({ accept }) => accept === 'application/json'));
});

test('a connection that breaks does not end the wait for the person', async () => {
  await using github = await startGitHub();
  github.pending.push('a connection that breaks', 'authorization_pending');
  await using shared = open(github, new MemoryStore());
  assert.is((await shared.getToken()).accessToken, 'ghu_1');
});

test('a refresh rotates the refresh token', async () => {
  await using github = await startGitHub();
  const store = new MemoryStore();
  await using shared = open(github, store);
  await shared.getToken();
  assert.is((await shared.getToken({ forceRefresh: true })).accessToken, 'ghu_2');
  assert.is(store.records.get('github')?.refreshToken, 'ghr_2');
  assert.equal(github.requests.at(-1)?.form, {
    client_id: clientId,
    grant_type: 'refresh_token',
    refresh_token: 'ghr_1',
  });
});

test('bad_refresh_token, which comes with status 200, needs a sign-in', async () => {
  await using github = await startGitHub();
  const store = new MemoryStore();
  await store.set('github', { refreshToken: 'ghr_of_last_year', clientId });
  await using shared = open(github, store);
  const error = await rejection(shared.getToken({ interactive: false }));
  assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'refused']);
  assert.is(store.records.get('github')?.refusedBecause, 'bad_refresh_token');
  assert.is((await shared.getToken()).accessToken, 'ghu_1');
});

test.run();
