// Takes about 23 s.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startService } from '../test/fixtures/token-service.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no Unix sockets with file modes');
  process.exit(0);
}
const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

test('a client that sends nothing, or half a request, loses its connection', async () => {
  const { socket, ask } = await startService(home);
  const hanging = ['', 'GET /token HTTP/1.1\r\nHost: x\r\n'].map((text): Socket => {
    const connection = connect(socket).on('error', () => {});
    connection.write(text);
    return connection.resume();
  });
  await Promise.all(hanging.map((connection) => once(connection, 'close', { signal: AbortSignal.timeout(40_000) })));
  assert.is((await ask('/token')).status, 200);
});

test('tokens that expire while it runs: 1,000 clients each time, and one refresh for all', async () => {
  authority.accessTokenTtl = 302;
  const { ask } = await startService(home, { name: 'short/token.sock' });
  await ask('/token?refresh=1');
  for (let round = 0; round < 3; round++) {
    const { body: old } = await ask('/token');
    // The handler takes a token for expired 300 s before its end.
    while (old.expiresAt - Date.now() > 300_000) await ask('/status');
    const before = authority.count('token', 'refresh_token');
    const asked = Array.from({ length: 1000 }, () => ask('/token'));
    const answers = await Promise.all(asked);
    assert.equal(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.not.ok(answers.some(({ body }) => body.token === old.token));
    // If the thousand take longer than 2 s, the new token expires meanwhile.
    const tokens = new Set(answers.map(({ body }) => body.token)).size;
    assert.is(authority.count('token', 'refresh_token') - before, tokens);
  }
});

test.run();
