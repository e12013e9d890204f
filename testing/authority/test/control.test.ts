import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Authority } from '../src/index.ts';
import { App } from './app.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const { child, authority } = await startMain('--ttl', '60', '--device-interval', '1');
const app = new App(authority);
test.after(() => void child.kill('SIGKILL'));

test('in a process of its own, the authority prints its addresses as one line of JSON, and serves', async () => {
  assert.match(authority.url, /^http:\/\/127\.0\.0\.1:\d+\/consumers$/);
  assert.is(authority.graphUrl, `${authority.origin}/v1.0`);
  const { json } = await app.signIn();
  assert.is(json.expires_in, 60);
  assert.is((await app.device({ scope: 'User.Read' })).json.interval, 1);
});

test('another process makes requests fail; it changes a response with a merge patch', async () => {
  await control('fail', { endpoint: 'token', fault: { type: 'status', status: 503 }, times: 1 });
  const patch = { refresh_token: null, expires_in: '3599' };
  const grantType = 'refresh_token';
  await control('fail', { endpoint: 'token', fault: { type: 'response', patch }, grantType });
  const { json } = await app.signIn().then(() => app.signIn());
  const { json: changed } = await app.refresh(json.refresh_token);
  assert.not('refresh_token' in changed);
  assert.is(changed.expires_in, '3599');
  assert.ok(changed.access_token);
  await control('fail', { endpoint: 'token', fault: { type: 'hang' } });
  await control('clear');
  assert.is((await app.token({ grant_type: 'refresh_token' })).status, 400);
});

test('another process changes the lifetime of tokens, makes them expire, and revokes grants', async () => {
  await control('ttl', { seconds: 30 });
  const { json } = await app.signIn();
  assert.is(json.expires_in, 30);
  await control('expire');
  assert.is((await app.graph('/me', json.access_token)).status, 401);
  await control('revoke');
  assert.equal((await app.refresh(json.refresh_token)).json.error_codes, [50173]);
});

test('another process reads the requests and the secrets, and its own requests are not counted', async () => {
  const { json } = await app.signIn();
  const requests = await look('requests');
  assert.is(requests.at(-1).path, '/consumers/oauth2/v2.0/token');
  assert.is(requests.at(-1).grantType, 'authorization_code');
  assert.ok((await look('secrets')).includes(json.access_token));
  assert.is((await look('requests')).length, requests.length);
});

test('a wrong control request is refused with a reason', async () => {
  const response = await fetch(`${authority.origin}/__control/ttl`, { method: 'POST', body: '{"seconds":-1}' });
  assert.is(response.status, 400);
  assert.match(await response.text(), 'accessTokenTtl must be a whole number');
  assert.is((await fetch(`${authority.origin}/__control/explode`, { method: 'POST' })).status, 404);
});

test('SIGTERM and the end of stdin end the process, with status 0 and nothing on stderr', async () => {
  for (const end of [
    (process: ChildProcess) => process.kill('SIGTERM'),
    (process: ChildProcess) => process.stdin?.end(),
  ]) {
    const { child: other, stderr } = await startMain();
    end(other);
    const [status] = await once(other, 'close', { signal: AbortSignal.timeout(10_000) });
    assert.is(status, 0);
    assert.is(stderr.text, '');
  }
});

async function startMain(...args: string[]) {
  const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };
  const process_ = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env });
  const stderr = { text: '' };
  process_.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr.text += text;
  });
  const [line] = await once(createInterface(process_.stdout), 'line', { signal: AbortSignal.timeout(20_000) });
  return { child: process_, stderr, authority: JSON.parse(line) as Authority };
}

async function control(action: string, order?: object): Promise<void> {
  const response = await fetch(`${authority.origin}/__control/${action}`, {
    method: 'POST',
    body: JSON.stringify(order ?? {}),
    signal: AbortSignal.timeout(10_000),
  });
  assert.is(response.status, 200, await response.text());
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of two kinds.
async function look(what: string): Promise<any> {
  return (await fetch(`${authority.origin}/__control/${what}`, { signal: AbortSignal.timeout(10_000) })).json();
}

test.run();
