import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openFiles } from 'testing-authority/open-files';
import { until } from 'testing-authority/until';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  askService,
  askUntilSignedIn,
  endService,
  recordSocket,
  type ServiceAnswer,
  startService,
} from './fixtures/token-service.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no Unix sockets with file modes');
  process.exit(0);
}
const { home, authority, ...scene } = await openSignedInScene();
const [service, fresh] = await Promise.all([startService(home), startService(home, { name: 'fresh/token.sock' })]);
const { socket, running, ask } = service;
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

const refreshes = (): number => authority.count('token', 'refresh_token');

/** How long the stored access token is still good for, and how much earlier it was obtained. */
function expireIn(milliseconds: number, earlier = 0): void {
  const database = new DatabaseSync(home.db, { timeout: 5_000 });
  database.exec(`UPDATE token SET expires_at = ${Date.now() + milliseconds}, obtained_at = obtained_at - ${earlier}`);
  database.close();
}

test('only the owner can connect: the socket has mode 0600, and its folder 0700', () => {
  assert.is(statSync(socket).mode & 0o777, 0o600);
  assert.is(statSync(dirname(socket)).mode & 0o777, 0o700);
});

test('GET /token answers with the stored token and when it expires, and asks no provider', async () => {
  const { stdout } = await home.call(['--json']);
  const before = authority.requests.length;
  const { status, headers, body } = await ask('/token');
  assert.is(status, 200);
  assert.equal(body, JSON.parse(stdout));
  assert.is(headers['content-type'], 'application/json');
  assert.is(headers['cache-control'], 'no-store');
  assert.is(headers.connection, 'close');
  assert.is(authority.requests.length, before);
});

test('GET /status answers as status --json', async () => {
  const { stdout } = await home.call(['status', '--json']);
  const { status, body } = await ask('/status');
  assert.is(status, 200);
  assert.equal(body, JSON.parse(stdout));
});

test('GET /token?refresh=1 answers with a new token', async () => {
  const { body: old } = await ask('/token');
  const before = refreshes();
  const { status, body } = await ask('/token?refresh=1');
  assert.is(status, 200);
  assert.is.not(body.token, old.token);
  assert.is(refreshes(), before + 1);
  assert.equal((await ask('/token?refresh=0')).body, body);
});

test('GET /token?refresh=1 from many clients, at once and one after the other: one refresh, and all get its token', async () => {
  const { ask: askFresh } = fresh;
  const before = refreshes();
  const answers = await Promise.all(Array.from({ length: 20 }, () => askFresh('/token?refresh=1')));
  for (let turn = 0; turn < 20; turn++) answers.push(await askFresh('/token?refresh=1'));
  const { body: newest } = await askFresh('/token');
  for (const { status, body } of answers) assert.equal([status, body], [200, newest]);
  assert.is(refreshes(), before + 1);
});

test('GET /token?refresh=1 while the provider fails asks it once, and answers with 503', async () => {
  const { ask: askFresh, running: fresh } = await startService(home, { name: 'failing/token.sock' });
  authority.fail('token', { type: 'status', status: 429, retryAfter: '1800' }, { times: 99 });
  const before = refreshes();
  for (let turn = 0; turn < 5; turn++) assert.is((await askFresh('/token?refresh=1')).status, 503);
  assert.is(refreshes(), before + 1);
  fresh.child.kill('SIGTERM');
  assert.is((await fresh.ended).status, 0);
});

test('min_valid: the token is replaced only if it is good for less than that many seconds', async () => {
  const before = refreshes();
  const { body: first } = await ask('/token?min_valid=3000');
  assert.is((await ask('/token?min_valid=3000.5')).body.token, first.token);
  assert.is(refreshes(), before);
  expireIn(20 * 60_000, 40 * 60_000);
  const { body: second } = await ask('/token?min_valid=1800');
  assert.ok(second.expiresAt - Date.now() > 1_800_000);
  assert.is(refreshes(), before + 1);
});

test("min_valid of nearly all of a token's life: the token is replaced, which the handler alone would not do", async () => {
  expireIn(40 * 60_000, 20 * 60_000);
  const service = await startService(home, { name: 'long/token.sock' });
  const { body } = await service.ask('/token?min_valid=3500');
  assert.ok(body.expiresAt - Date.now() > 3_500_000);
  await endService(service);
});

test('min_valid longer than tokens live: 409, and a token with most of its life left is not replaced', async () => {
  await ask('/token?refresh=1');
  const before = refreshes();
  const { status, body } = await ask('/token?min_valid=3601');
  assert.is(status, 409);
  assert.is(body.error, 'min_valid_too_long');
  assert.match(body.message, / 3600 seconds/);
  assert.is(refreshes(), before);
});

for (const query of ['min_valid=soon', 'min_valid=', 'min_valid=-1', 'min_valid=1e3']) {
  test(`GET /token?${query} is answered with 400 and says what was expected`, async () => {
    const { status, body } = await ask(`/token?${query}`);
    assert.is(status, 400);
    assert.is(body.error, 'bad_request');
    assert.match(body.message, 'min_valid');
  });
}

test('another path is answered with 404, another method with 405', async () => {
  for (const path of ['/', '/tokens', '/token/', '/favicon.ico']) {
    const { status, body } = await ask(path);
    assert.equal([status, body], [404, { error: 'not_found' }], path);
  }
  for (const method of ['POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers, body } = await ask('/token', { method });
    assert.equal([status, headers.allow], [405, 'GET'], method);
    assert.equal(body, method === 'HEAD' ? '' : { error: 'method_not_allowed' });
  }
});

test('a provider that fails: 503, and Retry-After as the provider asks', async () => {
  expireIn(-1);
  authority.fail('token', { type: 'status', status: 429, retryAfter: '1800' }, { times: 9 });
  const { status, headers, body } = await ask('/token');
  assert.is(status, 503);
  assert.is(headers['retry-after'], '1800');
  assert.is(body.error, 'unavailable');
  authority.clearFaults();
  assert.is((await ask('/token')).status, 200);
});

test('min_valid while the provider fails: 503 if the token that is still valid ends sooner, until any process has refreshed', async () => {
  expireIn(20 * 60_000, 40 * 60_000);
  const other = await startService(home, { name: 'other/token.sock' });
  const { body: old } = await other.ask('/token');
  authority.fail('token', { type: 'status', status: 500 }, { times: 9 });
  for (const path of ['/token?min_valid=1100', '/token']) {
    const { status, body } = await other.ask(path);
    assert.equal([status, body], [200, old], path);
  }
  const third = await startService(home, { name: 'third/token.sock' });
  for (const { status, headers, body } of await Promise.all(
    [other, third].map(({ ask }) => ask('/token?min_valid=1800')),
  )) {
    assert.equal([status, body.error], [503, 'unavailable']);
    assert.ok(Number(headers['retry-after']) > 0);
  }
  assert.is((await other.ask('/token?min_valid=1100')).status, 200, 'for so long, the old token is good');
  authority.clearFaults();
  assert.is((await other.ask('/token?refresh=1')).status, 200);
  for (const { status } of await Promise.all([other, third].map(({ ask }) => ask('/token?min_valid=3600'))))
    assert.is(status, 200, 'the trouble is over');
  for (const service of [other, third]) await endService(service);
});

test('after a sign-out each client gets 401, and after the next sign-in the new token; no database stays open', async () => {
  const { body: before } = await ask('/token');
  const openDatabases = () => openFiles(running.child.pid).filter((file) => file.includes('tokens.db')).length;
  const open = openDatabases();
  await home.call(['logout']);
  for (const path of ['/token', '/token?refresh=1', '/token?min_valid=9']) {
    const { status, body } = await ask(path);
    assert.is(status, 401);
    assert.equal(body, { error: 'sign_in_required' });
  }
  assert.is((await ask('/status')).body.signedIn, false);
  await home.login(['--client-id', authority.clientId]);
  const { status, body } = await ask('/token');
  assert.is(status, 200);
  assert.is.not(body.token, before.token);
  assert.is(`${body.token}\n`, (await home.call([])).stdout);
  assert.is(openDatabases(), open);
});

test('a token that another process has refreshed, or another sign-in, counts at once', async () => {
  await ask('/token');
  expireIn(-1);
  const { stdout } = await home.call([]);
  const before = refreshes();
  assert.is(`${(await ask('/token')).body.token}\n`, stdout);
  await home.login();
  assert.is(`${(await ask('/token')).body.token}\n`, (await home.call([])).stdout);
  assert.is(refreshes(), before);
});

test('after a sign-in with another client id, its token is served without a restart', async () => {
  await home.call(['logout']);
  assert.is((await ask('/token')).status, 401);
  await home.login(['--client-id', authority.otherClientId]);
  const { stdout } = await home.call([]);
  assert.is(`${(await askUntilSignedIn(ask)).token}\n`, stdout);
});

test('a refresh that was refused is no answer after the next sign-in', async () => {
  const { ask: askOther, running: other } = await startService(home, { name: 'refused/token.sock' });
  await authority.revokeAll();
  assert.is((await askOther('/token?refresh=1')).status, 401);
  await home.login();
  const { status, body } = await askOther('/token?refresh=1');
  assert.equal([status, `${body.token}\n`], [200, (await home.call([])).stdout]);
  other.child.kill('SIGTERM');
  assert.is((await other.ended).status, 0);
});

test('a revoked sign-in: 401, and the server says once what to run', async () => {
  await authority.revokeAll();
  expireIn(-1);
  const answers = await Promise.all([1, 2, 3].map(() => ask('/token')));
  assert.is((await ask('/status')).status, 200);
  for (const { status, body } of [...answers, await ask('/token')]) {
    assert.is(status, 401);
    assert.equal(body, { error: 'sign_in_required' });
  }
  await running.says(/^onedrive-token: .*\(invalid_grant.*Run: onedrive-token login.*$/m);
  await home.login();
  assert.is((await ask('/token')).status, 200);
});

test('after a rekey, its key file may have the new key: no restart is needed', async () => {
  const [keyFile = '', next = ''] = ['key', 'next'].map((name) => join(home.folder, name));
  for (const file of [keyFile, next]) writeFileSync(file, file, { mode: 0o600 });
  await home.call(['rekey', '--new-key-file', keyFile]);
  const service = await startService(home, { name: 'rekeyed/token.sock', env: { ONEDRIVE_TOKEN_KEY_FILE: keyFile } });
  await home.call(['rekey', '--key-file', keyFile, '--new-key-file', next]);
  const { status, body } = await service.ask('/token');
  assert.equal([status, body.error], [500, 'failed']);
  renameSync(next, keyFile);
  assert.is((await service.ask('/token')).status, 200);
  await home.call(['rekey', '--key-file', keyFile, '--decrypt']);
  await endService(service);
});

test('SIGTERM ends it with status 0 while clients hang, and the socket is gone; it had said each problem once', async () => {
  const connections = Array.from({ length: 20 }, () => connect(socket).on('error', () => {}));
  await ask('/token');
  running.child.kill('SIGTERM');
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0, stderr);
  assert.is(stdout, '');
  assert.not.ok(existsSync(socket));
  assert.is(stderr.match(/\(invalid_grant/g)?.length, 1);
  assert.not.match(stderr, /undefined|GET |Not signed in/);
  for (const secret of authority.issuedSecrets) assert.not.match(stderr, secret);
  for (const connection of connections) connection.destroy();
});

test('SIGINT during a refresh: the new tokens are stored, the waiting client gets 503, and the status is 0', async () => {
  const { ask, running } = fresh;
  await askUntilSignedIn(ask);
  expireIn(-1);
  const answer = Promise.withResolvers<void>();
  authority.fail('token', { type: 'held', until: answer.promise });
  const before = refreshes();
  const waiting = ask('/token');
  await until(() => refreshes() !== before);
  running.child.kill('SIGINT');
  await running.says(/^onedrive-token: /m);
  answer.resolve();
  assert.is((await waiting).status, 503);
  assert.is((await running.ended).status, 0);
  assert.is((await home.call([])).status, 0);
  assert.is(refreshes(), before + 1);
});

test('no refresh token is in any byte of the socket', async () => {
  const third = await startService(home, { env: { ONEDRIVE_TOKEN_VERBOSE: '1' } });
  await using recorder = await recordSocket(home, third.socket);
  const env = { ONEDRIVE_TOKEN_SOCKET: recorder.socket };
  const askRecorded = (path: string): Promise<ServiceAnswer> => askService(recorder.socket, path);
  const tokens = new Set([(await home.call([], { env })).stdout.trim()]);
  assert.is((await home.call(['api', '/me'], { env })).status, 0);
  assert.is((await askRecorded('/status')).status, 200);
  expireIn(-1);
  tokens.add((await askRecorded('/token')).body.token);
  tokens.add((await askRecorded('/token?refresh=1')).body.token);
  expireIn(-1);
  authority.fail('token', { type: 'status', status: 500 }, { times: 9 });
  assert.is((await askRecorded('/token')).status, 503);
  authority.clearFaults();
  await authority.revokeAll();
  assert.is((await askRecorded('/token')).status, 401);
  assert.is((await askRecorded('/token?min_valid=x')).status, 400);
  await home.call(['logout']);
  assert.is((await askRecorded('/token')).status, 401);
  const bytes = recorder.bytes();
  assert.is(tokens.size, 3);
  for (const token of tokens) assert.ok(bytes.includes(JSON.stringify(token)), 'the recorder sees what is sent');
  for (const status of ['200', '400', '401', '503']) assert.match(bytes, `HTTP/1.1 ${status}`);
  const seen = [...authority.issuedSecrets].filter((secret) => bytes.includes(secret));
  assert.equal(new Set(seen), tokens);
  third.running.child.kill('SIGTERM');
  const { stderr } = await third.running.ended;
  assert.match(stderr, 'GET /token 200');
  for (const secret of authority.issuedSecrets) assert.not.match(stderr, secret);
});

test.run();
