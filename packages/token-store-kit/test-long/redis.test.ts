// Takes about 25 s.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RedisStore } from '../examples/redis-store.ts';
import { storeContract, storeProcessContract } from '../src/contract.ts';

if (spawnSync('redis-server', ['--version']).error) {
  console.log('skipped: redis-server is missing (Debian: apt-get install redis-server)');
  const skipped = suite('The store in Redis');
  skipped.skip('passes the contract, and its lock is fenced', () => {});
  skipped.run();
} else {
  await testAll();
}

async function testAll(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const path = join(folder, 'socket');
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const server: ChildProcess = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', path, '--dir', folder, ...durable],
    {
      stdio: 'ignore',
    },
  );
  process.once('exit', () => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });
  const [client, other] = [await connect(path), await connect(path)];
  let stores = 0;
  /** Two stores with the same records, as two processes have them, and a name that is in no other pair. */
  const openPair = ({ leaseTime = 15_000 } = {}) => {
    const options = { prefix: `{${++stores}}:`, leaseTime };
    return { ...options, store: new RedisStore(client, options), other: new RedisStore(other, options) };
  };

  const contract = suite('The contract, of the store in Redis');
  const others = new Map<RedisStore, RedisStore>();
  const open = (): RedisStore => {
    const pair = openPair();
    others.set(pair.store, pair.other);
    return pair.store;
  };
  const share = (store: RedisStore): RedisStore => others.get(store) ?? store;
  for (const { name, run } of storeContract({ open, share })) contract(name, run);
  contract.run();

  const processes = suite('The contract for processes, of the store in Redis');
  const leaseTime = 1_000;
  const module = new URL('programs/open-redis-store.ts', import.meta.url);
  const newPlace = (): string => JSON.stringify({ path, prefix: `{${++stores}}:`, leaseTime });
  for (const { name, run } of storeProcessContract({ module, newPlace, leaseTime })) processes(name, run);
  processes.run();

  const lock = suite('The lock in Redis');
  lock('is fenced: who was stopped for longer than the lease writes nothing over the next one’s record', async () => {
    const { store, other: next, prefix } = openPair();
    await store.set('app', { refreshToken: 'first' });
    await store.exclusively('app', async () => {
      await client.del(`${prefix}lock:app`); // as it expires while this process is stopped
      await next.exclusively('app', async () => {
        assert.is(await store.replace('app', 'first', { refreshToken: 'late' }), false);
        assert.equal((await rejection(store.set('app', { refreshToken: 'late' }))).reason, 'lock-lost');
        assert.equal((await rejection(store.delete('app'))).reason, 'lock-lost');
        assert.is(await next.replace('app', 'first', { refreshToken: 'second' }), true);
      });
      // Of another name it has no lock, and needs none.
      await store.set('other', { refreshToken: 'x' });
    });
    assert.equal(await store.get('app'), { refreshToken: 'second' });
    await store.set('app', { refreshToken: 'third' });
  });

  lock('that another one has, or that Redis has forgotten, aborts the signal of its task', async () => {
    const { store, prefix } = openPair({ leaseTime: 300 });
    await store.exclusively('app', async ({ signal }) => {
      await client.del(`${prefix}lock:app`);
      await until(() => signal.aborted);
      assert.is(signal.reason.reason, 'lock-lost');
    });
  });

  lock('of which the answer comes when it has ended is asked for again', async () => {
    const { prefix } = openPair();
    let pauseMs = 400;
    const evalLate: typeof client.eval = async (...args) => {
      const answer = await client.eval(...args);
      await delay(pauseMs);
      pauseMs = 0;
      return answer;
    };
    const late = Object.create(client, { eval: { value: evalLate } });
    const store = new RedisStore(late, { prefix, leaseTime: 300 });
    await store.exclusively('app', async () => assert.is(await client.exists(`${prefix}lock:app`), 1));
  });

  lock('is given up before it ends if Redis does not answer, and then each call is', async () => {
    const { store } = openPair({ leaseTime: 1_000 });
    await store.exclusively('app', async ({ signal }) => {
      const stopped = performance.now();
      server.kill('SIGSTOP');
      try {
        await until(() => signal.aborted);
        assert.ok(performance.now() - stopped < 1_000);
        const error = await rejection(store.get('app'));
        assert.equal([error.code, error.reason], ['STORE_OPEN', 'unreachable']);
        assert.ok(performance.now() - stopped < 8_000);
      } finally {
        server.kill('SIGCONT');
      }
    });
    assert.is(await store.exclusively('app', async () => 'again'), 'again');
  });

  lock('and a record that another program has damaged: it is neither used nor replaced', async () => {
    const { store, prefix } = openPair();
    await client.hSet(`${prefix}records`, 'app', '{"refreshToken":');
    const error = await rejection(store.get('app'));
    assert.equal([error.code, error.reason], ['STORE_CORRUPT', 'damaged']);
    assert.is((await rejection(store.replace('app', 'x', { refreshToken: 'y' }))).code, 'STORE_OPEN');
  });

  lock.after(async () => {
    client.destroy();
    other.destroy();
    server.kill('SIGKILL');
  });
  lock.run();
}

/** The server may need a moment to make its socket. */
async function connect(path: string): Promise<ReturnType<typeof createClient>> {
  const reconnectStrategy = (retries: number): number | Error => (retries < 100 ? 100 : new Error('no Redis'));
  const client = createClient({ socket: { path, tls: false, reconnectStrategy } });
  client.on('error', () => {});
  await client.connect();
  return client as unknown as ReturnType<typeof createClient>;
}
