// Takes about 12 s.
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
const { home, ...scene } = await openSignedInScene();
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

test.run();
