// Takes about 9 s.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testFaults } from '../test/fault-cases.ts';
import { startProxy } from '../test/start-proxy.ts';

const proxy = await startProxy();
const before = { ...process.env };
Object.assign(process.env, { HTTPS_PROXY: proxy.url, NO_PROXY: '' });
test.after(async () => {
  process.env = before;
  await proxy[Symbol.asyncDispose]();
});

testFaults({ name: 'a proxy in the environment', isSecure: true });

test('each of these requests went through the proxy', () => {
  assert.ok(proxy.seen.length > 50, `${proxy.seen.length} requests`);
});

test.run();
