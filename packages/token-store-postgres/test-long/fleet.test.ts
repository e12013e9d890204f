import { within } from 'testing-authority/start-program';
import * as assert from 'uvu/assert';
import { startMember } from '../test/fleet.ts';
import { startScene } from '../test/scene.ts';
import { StrictProvider } from '../test/strict-provider.ts';

const { scene, test } = await startScene();

const hour = 3_600_000;
/** A record that has expired on every clock of these tests. */
const expired = (refreshToken: string) => ({ refreshToken, accessToken: 'old', expiresAt: Date.now() - 24 * hour });

test('a process that is stopped in the middle of its refresh writes nothing over its successor, and goes on with its token', async () => {
  await using provider = await StrictProvider.start();
  const schema = scene.newSchema();
  const connectionString = scene.cluster.connectionString();
  const store = await scene.open({ schema });
  await store.set('app', expired(provider.signIn()));
  const member = await startMember({ store: { schema, connectionString, leaseTime: 1_000 }, provider });
  const answering = Promise.withResolvers<void>();
  provider.beforeAnswer = async () => answering.resolve();
  member.tell('get');
  await answering.promise;
  member.kill('SIGSTOP');
  // Its refresh token may be spent: what the person does now is to sign in again.
  provider.beforeAnswer = async () => {};
  const refreshToken = provider.signIn();
  await within(
    60_000,
    'the lock',
    store.exclusively('app', () =>
      store.set('app', { refreshToken, accessToken: 'new', expiresAt: Date.now() + hour }),
    ),
  );
  member.kill('SIGCONT');
  assert.is(await member.line(), 'new');
  assert.is((await store.get('app'))?.refreshToken, refreshToken);
  member.kill();
});

test.run();
