import net, { createServer } from 'node:net';
import * as assert from 'uvu/assert';
import { PrivateCluster, testOrSkip } from '../src/index.ts';

const test = testOrSkip();

test('a server whose port another program takes before it starts is started on another one', async () => {
  const squatters: net.Server[] = [];
  const { close } = net.Server.prototype;
  let found = 0;
  // A port is found free by listening on it for a moment. Right after that, this program takes the first one.
  net.Server.prototype.close = function (this: net.Server, callback) {
    const { port, family } = this.address() as net.AddressInfo;
    if (family !== 'IPv4') return close.call(this, callback);
    return close.call(this, (error) => {
      found++;
      if (found > 1) return callback?.(error);
      squatters.push(createServer().listen(port, '127.0.0.1', () => callback?.(error)));
    });
  };
  try {
    await using cluster = await PrivateCluster.start();
    assert.is(found, 2);
    assert.is(await cluster.query('SELECT 1'), '1');
  } finally {
    net.Server.prototype.close = close;
    for (const squatter of squatters) squatter.close();
  }
});

test.run();
