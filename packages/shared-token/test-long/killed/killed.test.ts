// Takes about 2 s.
import { join } from 'node:path';
import { startProgram } from 'testing-authority/start-program';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startStandIn } from '../../test/providers/stand-ins.ts';

const script = new URL('./killed-process.ts', import.meta.url);

test('when a process is killed between the answer and its storage, one that waits sends the old refresh token at once', async () => {
  const directory = temporaryDirectory();
  using store = openTokenStore(join(directory, 'tokens.db'));
  store.set('my-app', { refreshToken: 'refresh-1', accessToken: 'ended', expiresAt: Date.now() - 1 });
  const arrived: { fate: string | undefined; refreshToken: string | undefined; at: number }[] = [];
  const gate = Promise.withResolvers<void>();
  await using provider = await startStandIn((_path, { fate, refresh_token: refreshToken }) => {
    arrived.push({ fate, refreshToken, at: performance.now() });
    const number = arrived.length;
    const body = { access_token: `access-${number}`, refresh_token: `refresh-${number + 1}`, expires_in: 3600 };
    return fate === 'killed' ? gate.promise.then(() => ({ body })) : { body };
  });
  const killed = startProgram(script, [directory, provider.origin, 'killed']);
  await until(() => arrived.length === 1);
  const waits = startProgram(script, [directory, provider.origin, 'waits']);
  assert.is(await waits.line(), 'asks');
  const answeredAt = performance.now();
  gate.resolve();
  assert.is((await waits.ended).output, 'access-2');
  assert.is((await killed.ended).signal, 'SIGKILL');
  const [, second] = arrived;
  assert.equal([second?.fate, second?.refreshToken], ['waits', 'refresh-1']);
  const delay = (second?.at ?? 0) - answeredAt;
  console.log(`measured: ${delay.toFixed(0)} ms from the answer to the next request`);
  assert.ok(delay < 3_000, `${delay} ms`);
  assert.is(store.get('my-app')?.refreshToken, 'refresh-3');
});

test.run();
