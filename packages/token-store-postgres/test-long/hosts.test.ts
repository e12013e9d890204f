// Takes about 40 s.
import { setTimeout as delay } from 'node:timers/promises';
import { type NetworkHost, NetworkHosts, testOrSkip } from 'testing-postgres';
import * as assert from 'uvu/assert';
import { startMember, tellAll } from '../test/fleet.ts';
import { startScene } from '../test/scene.ts';
import type { Program } from '../test/start-program.ts';
import { StrictProvider } from '../test/strict-provider.ts';

const missing = NetworkHosts.missing();
const network = missing ? undefined : NetworkHosts.create(3);
const address = network?.address ?? '127.0.0.1';
const hosts = network?.hosts ?? [];
const { scene, test } = await startScene(network && { addresses: [address] });
if (network) test.after(() => network[Symbol.asyncDispose]());
const onHosts = network ? test : testOrSkip(missing);

const hour = 3_600_000;
const connectionString = (): string => scene.cluster.connectionString({ host: address });

interface FleetOptions {
  readonly schema: string;
  readonly provider: StrictProvider;
  readonly perHost: number;
  readonly interactive?: boolean;
}

function startFleet({ schema, perHost, ...member }: FleetOptions): Promise<Program[]> {
  const store = { schema, connectionString: connectionString() };
  return Promise.all(
    hosts.flatMap(({ prefix }) => Array.from({ length: perHost }, () => startMember({ ...member, store, prefix }))),
  );
}

async function storeExpired(schema: string, provider: StrictProvider): Promise<void> {
  const store = await scene.open({ schema });
  await store.set('app', { refreshToken: provider.signIn(), accessToken: 'old', expiresAt: Date.now() - hour });
}

/** Resolves when a process holds the lock. */
async function untilLocked(schema: string): Promise<void> {
  for (let left = 200; left > 0; left--) {
    const owners = `SELECT count(*) FROM ${schema}.oauth_token_lease WHERE owner IS NOT NULL`;
    if ((await scene.cluster.query(owners)) !== '0') return;
    await delay(20);
  }
  throw new Error('no process acquired the lock');
}

async function whileCutOff(host: NetworkHost, work: () => Promise<unknown>): Promise<void> {
  host.cutOff();
  try {
    await work();
  } finally {
    host.reconnect();
  }
}

onHosts('24 processes on 3 hosts at expiry make one refresh', async () => {
  await using provider = await StrictProvider.start(address);
  const schema = scene.newSchema();
  await storeExpired(schema, provider);
  const members = await startFleet({ schema, provider, perHost: 8 });
  provider.beforeAnswer = () => delay(200);
  const started = performance.now();
  assert.equal(
    await tellAll(members, 'get'),
    members.map(() => 'access-token-2'),
  );
  console.log(
    `measured: 24 processes on 3 hosts have the new token after ${Math.round(performance.now() - started)} ms, of which the provider takes 200`,
  );
  assert.equal(provider.events, ['sign-in', 'refresh']);
  for (const member of members) member.kill();
});

onHosts('24 processes on 3 hosts, and no person is signed in: one sign-in', async () => {
  await using provider = await StrictProvider.start(address);
  const schema = scene.newSchema();
  const members = await startFleet({ schema, provider, perHost: 8, interactive: true });
  provider.beforeAnswer = () => delay(500);
  assert.equal(
    await tellAll(members, 'get'),
    members.map(() => 'access-token-1'),
  );
  assert.equal(provider.events, ['sign-in']);
  for (const member of members) member.kill();
});

onHosts('a host that is cut off before its request leaves loses nothing, and comes back', async () => {
  await using provider = await StrictProvider.start(address);
  const schema = scene.newSchema();
  await storeExpired(schema, provider);
  const [host, otherHost] = hosts;
  if (!host || !otherHost) throw new Error('unreachable');
  const store = { schema, connectionString: connectionString(), leaseTime: 6_000 };
  const cutOff = await startMember({ store, provider, prefix: host.prefix, pausesMs: [8_000, 0] });
  const other = await startMember({ store, provider, prefix: otherHost.prefix });
  cutOff.tell('get');
  await untilLocked(schema);
  await whileCutOff(host, async () => {
    assert.equal(await tellAll([other], 'get'), ['access-token-2']);
    assert.is(await cutOff.line(), 'STORE');
  });
  assert.equal(await tellAll([cutOff], 'get'), ['access-token-2']);
  assert.equal(provider.events, ['sign-in', 'refresh']);
  for (const member of [cutOff, other]) member.kill();
});

onHosts(
  'a host that is cut off beyond its lease with the new token in its memory stores it when it is back, if no other process asked',
  async () => {
    await using provider = await StrictProvider.start(address);
    const schema = scene.newSchema();
    await storeExpired(schema, provider);
    const [host] = hosts;
    if (!host) throw new Error('unreachable');
    const store = { schema, connectionString: connectionString(), leaseTime: 4_000 };
    const cutOff = await startMember({ store, provider, prefix: host.prefix, pausesMs: [0, 2_000] });
    const answered = Promise.withResolvers<void>();
    provider.beforeAnswer = async () => {
      setTimeout(answered.resolve, 150);
    };
    cutOff.tell('get');
    await answered.promise;
    await whileCutOff(host, () => delay(8_000));
    assert.is(await cutOff.line(), 'access-token-2');
    assert.equal(await tellAll([cutOff], 'get'), ['access-token-2']);
    const reader = await scene.open({ schema });
    for (let left = 50; (await reader.get('app'))?.refreshToken !== 'refresh-token-2'; left--) {
      assert.ok(left > 0, 'the new token is not stored');
      await tellAll([cutOff], 'get');
      await delay(100);
    }
    assert.equal(provider.events, ['sign-in', 'refresh']);
    cutOff.kill();
  },
);

test.run();
