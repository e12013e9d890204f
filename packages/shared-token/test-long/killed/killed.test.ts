// Takes about 2 s.
import { join } from 'node:path';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NodeProcess } from '../../test/node-process.ts';
import { startStandIn } from '../../test/providers/stand-ins.ts';
import { temporaryDirectory } from '../../test/temporary-directory.ts';
import { untilTrue } from '../../test/within.ts';

const script = new URL('./killed-process.ts', import.meta.url);

test('when a process is killed between the answer and its storage, one that waits sends the old refresh token at once', async () => {
  using directory = temporaryDirectory();
  using store = openTokenStore(join(directory.path, 'tokens.db'));
  store.set('my-app', { refreshToken: 'refresh-1', accessToken: 'ended', expiresAt: Date.now() - 1 });
  const arrived: { fate: string | undefined; refreshToken: string | undefined; at: number }[] = [];
  const gate = Promise.withResolvers<void>();
  await using provider = await startStandIn((_path, { fate, refresh_token: refreshToken }) => {
    arrived.push({ fate, refreshToken, at: performance.now() });
    const number = arrived.length;
    const body = { access_token: `access-${number}`, refresh_token: `refresh-${number + 1}`, expires_in: 3600 };
    return fate === 'killed' ? gate.promise.then(() => ({ body })) : { body };
  });
  await using killed = new NodeProcess(script, [directory.path, provider.origin, 'killed']);
  await untilTrue(() => arrived.length === 1);
  await using waits = new NodeProcess(script, [directory.path, provider.origin, 'waits']);
  await waits.until('asks');
  const answeredAt = performance.now();
  gate.resolve();
  assert.is((await waits.ended()).at(-1), 'access-2');
  assert.ok(killed.hasEnded);
  const [, second] = arrived;
  assert.equal([second?.fate, second?.refreshToken], ['waits', 'refresh-1']);
  const delay = (second?.at ?? 0) - answeredAt;
  console.log(`measured: ${delay.toFixed(0)} ms from the answer to the next request`);
  assert.ok(delay < 3_000, `${delay} ms`);
  assert.is(store.get('my-app')?.refreshToken, 'refresh-3');
});

test.run();
