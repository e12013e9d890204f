// Takes about 20 s.
import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import { within } from 'testing-authority/within';
import { TcpProxy } from 'testing-postgres';
import * as assert from 'uvu/assert';
import { startScene } from '../test/scene.ts';

const { scene, together: test } = await startScene({}, ['initdb', 'postgres', 'pgbouncer']);

const leaseTime = 15_000;

for (const stallMs of [7_000, 10_000, 12_000])
  for (const through of ['directly', 'through pgbouncer'])
    test(`a network that carries nothing for ${stallMs} ms after the provider's answer costs no sign-in: ${through}`, async () => {
      const schema = scene.newSchema();
      const port = through === 'directly' ? scene.cluster.port : (await scene.bouncer()).port;
      const proxy = scene.closeLater(await TcpProxy.start(port));
      const stalled = await scene.open({
        schema,
        leaseTime,
        connectionString: scene.cluster.connectionString({ port: proxy.port }),
      });
      const other = await scene.open({ schema, leaseTime });
      await other.set('app', { refreshToken: 'token-1', accessToken: 'old', expiresAt: 0 });
      const spent: (string | undefined)[] = [];
      const begun = Promise.withResolvers<void>();
      const tokens = [stalled, other].map(
        (store) =>
          new SharedToken({
            store,
            name: 'app',
            refresh: async ({ refreshToken }) => {
              spent.push(refreshToken);
              await delay(100);
              if (store === stalled) {
                proxy.swallow();
                setTimeout(() => proxy.heal(), stallMs);
                begun.resolve();
              }
              return { access_token: `access-${spent.length}`, refresh_token: 'token-2', expires_in: 3_600 };
            },
          }),
      );
      const [first, second] = tokens.map((token) => token.getToken.bind(token));
      const got = first?.().catch(() => undefined);
      await within('the request', begun.promise, 10_000);
      assert.is(
        (await within('the token of another host', second?.() as Promise<{ accessToken: string }>, 60_000)).accessToken,
        'access-1',
      );
      assert.equal(spent, ['token-1']);
      assert.is((await other.get('app'))?.refreshToken, 'token-2');
      await got;
      await Promise.all(tokens.map((token) => token.close()));
    });

test.run();
