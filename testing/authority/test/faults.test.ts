import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startAuthority } from '../src/index.ts';
import { App } from './app.ts';

const authority = await startAuthority();
const app = new App(authority);
let { json: tokens } = await app.signIn();
test.before.each(async () => {
  tokens = (await app.signIn()).json;
});
test.after.each(() => authority.clearFaults());
test.after(() => authority.close());

test('status: the answer has that status and Retry-After, and the refresh token is not used up', async () => {
  for (const retryAfter of ['2', 'Wed, 21 Oct 2026 07:28:00 GMT']) {
    authority.fail('token', { type: 'status', status: 429, retryAfter });
    const { status, headers, json } = await app.refresh(tokens.refresh_token);
    assert.is(status, 429);
    assert.is(headers.get('retry-after'), retryAfter);
    assert.is(json, '');
  }
  assert.is((await app.refresh(tokens.refresh_token)).status, 200);
});

test('status: HTML, truncated JSON, an empty 200, a redirect, ten megabytes', async () => {
  authority.fail('token', { type: 'status', status: 503, body: '<h1>Service Unavailable</h1>' });
  const html = await app.refresh(tokens.refresh_token);
  assert.is(html.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.is(html.json, '<h1>Service Unavailable</h1>');

  authority.fail('token', { type: 'status', status: 200, contentType: 'text/plain', body: '{"access_token": "Ew' });
  const truncated = await app.refresh(tokens.refresh_token);
  assert.is(truncated.json, '{"access_token": "Ew');

  authority.fail('token', { type: 'status', status: 200 });
  const empty = await app.refresh(tokens.refresh_token);
  assert.is(empty.status, 200);
  assert.is(empty.json, '');

  authority.fail('graph', { type: 'status', status: 302, headers: { location: 'http://localhost:1/' }, body: '' });
  const redirect = await app.graph('/me', tokens.access_token);
  assert.is(redirect.headers.get('location'), 'http://localhost:1/');

  authority.fail('token', { type: 'status', status: 200, body: 'x'.repeat(10_000_000) });
  assert.is((await app.refresh(tokens.refresh_token)).json.length, 10_000_000);
});

test('status: without a body, Graph answers with its own JSON', async () => {
  authority.fail('graph', { type: 'status', status: 503, retryAfter: '1' });
  const { status, headers, json } = await app.graph('/me', tokens.access_token);
  assert.is(status, 503);
  assert.is(headers.get('retry-after'), '1');
  assert.is(json.error.code, 'serviceNotAvailable');
  assert.is(json.error.innerError['request-id'], headers.get('request-id'));
});

test("oauth: an error in Microsoft's JSON, with the given numbers", async () => {
  authority.fail('token', {
    type: 'oauth',
    error: 'invalid_grant',
    description: 'AADSTS50076: Due to a configuration change you must use multi-factor authentication.',
    errorCodes: [50076],
    suberror: 'basic_action',
  });
  const { status, json } = await app.refresh(tokens.refresh_token);
  assert.is(status, 400);
  assert.is(json.error, 'invalid_grant');
  assert.equal(json.error_codes, [50076]);
  assert.is(json.suberror, 'basic_action');
  assert.match(json.error_description, /^AADSTS50076: Due to .+ Trace ID: /);
  assert.ok(json.trace_id && json.correlation_id && json.timestamp);
});

test('slow: the normal answer comes later', async () => {
  authority.fail('token', { type: 'slow', ms: 300 });
  const started = performance.now();
  const { status } = await app.refresh(tokens.refresh_token);
  assert.is(status, 200);
  assert.ok(performance.now() - started >= 295);
});

test('drop before: the connection is reset, and nothing has happened', async () => {
  authority.fail('token', { type: 'drop', when: 'before' });
  assert.match(await causeOf(app.refresh(tokens.refresh_token)), /ECONNRESET|UND_ERR_SOCKET/);
  assert.is(authority.requests.at(-1)?.status, undefined);
  assert.is((await app.refresh(tokens.refresh_token)).status, 200);
});

test('drop after: the connection is reset, but the token was issued, so the old one is used up', async () => {
  const issued = authority.issuedSecrets.size;
  authority.fail('token', { type: 'drop', when: 'after' });
  assert.match(await causeOf(app.refresh(tokens.refresh_token)), /ECONNRESET|UND_ERR_SOCKET/);
  assert.is(authority.issuedSecrets.size, issued + 2);
  assert.is((await app.refresh(tokens.refresh_token)).json.error, 'invalid_grant');
});

test('hang: no answer comes, until the authority closes', async () => {
  const hanging = await startAuthority();
  hanging.fail('token', { type: 'hang' });
  const request = causeOf(new App(hanging).refresh('M.C5_any'));
  while (hanging.count('token') === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await hanging.close();
  assert.match(await request, /ECONNRESET|UND_ERR_SOCKET/);
});

test('held: the normal answer comes when the promise resolves, and not before', async () => {
  const gate = Promise.withResolvers<void>();
  authority.fail('token', { type: 'held', until: gate.promise });
  const before = authority.count('token');
  let answered = false;
  const request = app.refresh(tokens.refresh_token).finally(() => {
    answered = true;
  });
  while (authority.count('token') === before) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.is((await app.graph('/me', tokens.access_token)).status, 200);
  assert.not(answered);
  gate.resolve();
  assert.is((await request).status, 200);
});

test('stall: an answer begins, and does not end until the authority closes', async () => {
  const stalling = await startAuthority();
  stalling.fail('token', { type: 'stall' });
  const answer = await fetch(`${stalling.url}/oauth2/v2.0/token`, { method: 'POST', body: new URLSearchParams() });
  assert.is(answer.status, 200);
  const body = answer.text().catch((error: Error) => error.message);
  await stalling.close();
  assert.is(await body, 'terminated');
});

test('response: the normal answer with members removed or changed', async () => {
  authority.fail('token', {
    type: 'response',
    change: ({ refresh_token: _, ...rest }) => ({ ...rest, expires_in: '3599' }),
  });
  const { status, json } = await app.refresh(tokens.refresh_token);
  assert.is(status, 200);
  assert.is(json.refresh_token, undefined);
  assert.is(json.expires_in, '3599');
  assert.ok(json.access_token);
});

test('faults apply in turn, each to its number of requests, of its endpoint and grant', async () => {
  authority.fail('token', { type: 'status', status: 500 }, { grantType: 'refresh_token', times: 2 });
  authority.fail('token', { type: 'status', status: 502 }, { grantType: 'refresh_token' });
  assert.is((await app.token({ grant_type: 'authorization_code' })).status, 400);
  assert.is((await app.graph('/me', tokens.access_token)).status, 200);
  const statuses = [];
  for (let times = 0; times < 4; times += 1) statuses.push((await app.refresh(tokens.refresh_token)).status);
  assert.equal(statuses, [500, 500, 502, 200]);
  assert.throws(() => authority.fail('token', { type: 'hang' }, { times: 0 }), /times must be a positive number/);
});

test('clearFaults removes the faults that have not been used', async () => {
  authority.fail('graph', { type: 'hang' });
  authority.clearFaults();
  assert.is((await app.graph('/me', tokens.access_token)).status, 200);
});

test('the authorization endpoint and the device endpoint can fail too', async () => {
  authority.fail('authorize', { type: 'status', status: 503, body: 'busy' });
  const response = await fetch(app.authorizationUrl('http://localhost:1').url);
  assert.is(await response.text(), 'busy');
  authority.fail('devicecode', { type: 'oauth', error: 'invalid_request', errorCodes: [9002331] });
  assert.equal((await app.device({ scope: 'User.Read' })).json.error_codes, [9002331]);
});

function causeOf(request: Promise<unknown>): Promise<string> {
  return request.then(
    () => 'an answer',
    (error) => String(error.cause?.code),
  );
}

test.run();
