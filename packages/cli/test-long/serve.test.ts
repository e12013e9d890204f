// Takes about 22 s.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startService } from '../test/fixtures/token-service.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no Unix sockets with file modes');
  process.exit(0);
}
const { home, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

test('10 s after a refresh that a client asked for, the next one is made', async () => {
  const { ask } = await startService(home, { name: 'refresh/token.sock' });
  const { body: first } = await ask('/token?refresh=1');
  const started = performance.now();
  const refresh = async () => (await ask('/token?refresh=1')).body.token;
  while ((await refresh()) === first.token) {
    assert.ok(performance.now() - started < 15_000, 'it is never made');
    await sleep(100);
  }
  assert.ok(performance.now() - started > 9_500, 'it was made too early');
});

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

test.run();
