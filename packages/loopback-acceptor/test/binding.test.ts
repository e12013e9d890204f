import cluster, { type Worker } from 'node:cluster';
import dns from 'node:dns';
import { once } from 'node:events';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { freePort } from 'testing-authority/free-port';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bindLoopback } from '../src/http/bind-loopback.ts';
import { type Acceptor, AcceptorError, openAcceptor } from '../src/index.ts';
import { sendRequest } from './send-request.ts';

const hasIpv6 = await listens('::1');
const withIpv6 = hasIpv6 ? test : test.skip;
if (!hasIpv6) console.log('skipped: this machine has no IPv6 (switch on the address ::1)');

test('the redirect URI names localhost and the port, and no path if that is the root', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  assert.is(acceptor.redirectUri, `http://localhost:${acceptor.port}`);
});

test('the redirect URI has the path byte for byte', async () => {
  await using acceptor = await openAcceptor({ state: 'right', path: '/a//b%20c/' });
  assert.is(acceptor.redirectUri, `http://localhost:${acceptor.port}/a//b%20c/`);
  const accepted = acceptor.accept();
  assert.is((await sendRequest(`${acceptor.redirectUri}?code=a&state=right`)).status, 200);
  assert.is((await within('the answer', accepted)).code, 'a');
});

withIpv6('localhost is served on 127.0.0.1 and on [::1] at the same port', async () => {
  for (const address of ['127.0.0.1', '[::1]']) {
    await using acceptor = await openAcceptor({ state: 'right' });
    const accepted = acceptor.accept();
    const headers = { host: `localhost:${acceptor.port}` };
    const { status } = await sendRequest(`http://${address}:${acceptor.port}/?code=a&state=right`, { headers });
    assert.is(status, 200);
    assert.is((await within('the answer', accepted)).code, 'a');
  }
});

for (const [host, authority] of [
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '[::1]'],
] as const) {
  withIpv6(`the literal ${host} is in the redirect URI, and the acceptor listens on no other address`, async () => {
    const other = host === '::1' ? '127.0.0.1' : '::1';
    await using acceptor = await openIfRefused(host, other);
    assert.is(acceptor.redirectUri, `http://${authority}:${acceptor.port}`);
    const accepted = acceptor.accept();
    assert.is((await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`)).status, 200);
    assert.is((await within('the answer', accepted)).code, 'a');
  });
}

/**
 * An acceptor at a port on which `other` refuses connections. Another program may listen on one such port, but hardly on
 * five.
 */
async function openIfRefused(host: '127.0.0.1' | '::1', other: string): Promise<Acceptor> {
  for (let attempt = 1; ; attempt++) {
    const acceptor = await openAcceptor({ state: 'right', host });
    try {
      assert.is((await rejection(connect(other, acceptor.port))).code, 'ECONNREFUSED');
      return acceptor;
    } catch (error) {
      await acceptor.close();
      if (attempt === 5) throw error;
    }
  }
}

test('no other address of the machine is listened on', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const others = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address, scopeid }) => address !== '127.0.0.1' && address !== '::1' && !scopeid)
    .map(({ address }) => address);
  // On Linux all of 127.0.0.0/8 is this machine.
  for (const address of process.platform === 'linux' ? [...others, '127.0.0.2'] : others) {
    assert.is((await rejection(connect(address, acceptor.port))).code, 'ECONNREFUSED', address);
  }
});

withIpv6('a port that another process holds on [::1] is not used, however often that happens', async () => {
  // The system chooses a port on 127.0.0.1. Five times a rival takes the same port on [::1] first.
  const foreign: net.Server[] = [];
  let attempts = 0;
  const createServer = serversThat((options, listen) => {
    if (options.host !== '::1' || ++attempts > 5) return listen(options);
    foreign.push(net.createServer().listen({ host: '::1', port: options.port }, () => listen(options)));
  });
  const { servers, port } = await within('a port', bindLoopback({ host: 'localhost', port: 0 }, createServer));
  const taken = foreign.map((server) => (server.address() as net.AddressInfo).port);
  const bound = servers.map((server) => server.address() as net.AddressInfo);
  for (const server of [...servers, ...foreign]) server.close();
  assert.is(taken.length, 5);
  assert.not(taken.includes(port));
  assert.equal(
    bound.map(({ address, port: at }) => [address, at]),
    [
      ['127.0.0.1', port],
      ['::1', port],
    ],
  );
});

withIpv6('if [::1] never takes the port, another one is tried some times, and a fixed one once', async () => {
  for (const fixed of [false, true]) {
    let attempts = 0;
    const createServer = serversThat((options, listen, server) => {
      if (options.host !== '::1') return listen(options);
      attempts++;
      failWith('EADDRINUSE', server);
    });
    const port = fixed ? await freePort() : 0;
    assert.is((await rejection(bindLoopback({ host: 'localhost', port }, createServer))).code, 'ACCEPTOR_LISTEN');
    assert.ok(fixed ? attempts === 1 : attempts > 5, `${attempts} attempts`);
  }
});

for (const address of ['127.0.0.1', '::1']) {
  withIpv6(
    `a fixed port that is in use on ${address} is ACCEPTOR_LISTEN, which names it, and the other address is free again`,
    async () => {
      const foreign = net.createServer().listen({ host: address, port: 0 });
      await once(foreign, 'listening');
      const { port } = foreign.address() as net.AddressInfo;
      try {
        const error = (await rejection(openAcceptor({ state: 'right', port }))) as AcceptorError;
        assert.instance(error, AcceptorError);
        assert.is(error.code, 'ACCEPTOR_LISTEN');
        assert.is(error.problem, `Cannot listen on ${address}, port ${port}: the port is in use (EADDRINUSE)`);
        assert.is(error.remedy, 'Leave out `port` to get a free one');
        assert.is(error.message, `${error.problem}. ${error.remedy}`);
        assert.is((error.cause as NodeJS.ErrnoException).code, 'EADDRINUSE');
        const free = address === '::1' ? '127.0.0.1' : '::1';
        assert.is((await rejection(connect(free, port))).code, 'ECONNREFUSED');
      } finally {
        foreign.close();
      }
    },
  );
}

test('a fixed port is used exclusively, and is free again after close()', async () => {
  const port = await freePort();
  const acceptor = await openAcceptor({ state: 'right', port });
  assert.is(acceptor.port, port);
  assert.is((await rejection(openAcceptor({ state: 'right', port }))).code, 'ACCEPTOR_LISTEN');
  await acceptor.close();
  await using again = await openAcceptor({ state: 'right', port });
  assert.is(again.port, port);
});

test('the workers of node:cluster do not share a port', async () => {
  // Not the options of this process, which may be the test runner's.
  cluster.setupPrimary({ exec: fileURLToPath(new URL('cluster-worker.ts', import.meta.url)), execArgv: [] });
  const workers: Worker[] = [];
  const open = async (port: number): Promise<{ port?: number; code?: string }> => {
    const worker = cluster.fork({ PORT: port, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE });
    workers.push(worker);
    const [message] = await within('a worker', once(worker, 'message'));
    return message;
  };
  const port = await freePort();
  const opened = [await open(port), await open(port)];
  for (const worker of workers) worker.process.kill();
  await within('the end of the workers', Promise.all(workers.map((worker) => once(worker, 'exit'))), 30_000);
  assert.equal(opened, [{ port }, { code: 'ACCEPTOR_LISTEN' }]);
});

test('an address that the machine lacks is left out if there is another one', async () => {
  // A documentation address stands for a missing one. In test-long/missing-family.test.ts one is really missing.
  const createServer = serversThat((options, listen) => {
    listen(options.host === '127.0.0.1' ? { ...options, host: '192.0.2.1' } : options);
  });
  const alone = await rejection(bindLoopback({ host: '127.0.0.1', port: 0 }, createServer));
  assert.is(alone.code, 'ACCEPTOR_LISTEN');
  assert.match(alone.message, '127.0.0.1, any port: this machine does not have the address (EADDRNOTAVAIL)');
  if (!hasIpv6) return;
  const { servers } = await bindLoopback({ host: 'localhost', port: 0 }, createServer);
  const addresses = servers.map((server) => (server.address() as net.AddressInfo).address);
  for (const server of servers) server.close();
  assert.equal(addresses, ['::1']);
});

for (const code of ['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EINVAL']) {
  test(`${code}, as other systems say it, is an address that the machine lacks as well`, async () => {
    const createServer = serversThat((options, listen, server) => {
      if (options.host !== '::1') return listen(options);
      failWith(code, server);
    });
    for (let port = 0, tries = 0; tries < 2; tries++) {
      const bound = await bindLoopback({ host: 'localhost', port }, createServer);
      assert.is(bound.servers.length, 1);
      bound.servers[0]?.close();
      // Then a fixed one.
      port = bound.port;
    }
  });
}

test('no name is looked up', async () => {
  const { lookup } = dns;
  const names: string[] = [];
  dns.lookup = ((name: string, ...rest: unknown[]) => {
    names.push(name);
    return Reflect.apply(lookup, dns, [name, ...rest]);
  }) as typeof lookup;
  try {
    await using acceptor = await openAcceptor({ state: 'right' });
    assert.ok(acceptor.port > 0);
  } finally {
    dns.lookup = lookup;
  }
  // node:net also asks for literal addresses. Those are not sent to any resolver.
  assert.equal(names, ['127.0.0.1', '::1']);
});

/** Makes servers that listen in a way of their own. */
function serversThat(
  listen: (options: net.ListenOptions, reallyListen: (options: net.ListenOptions) => void, server: net.Server) => void,
): () => net.Server {
  return () => {
    const server = net.createServer();
    const reallyListen = server.listen.bind(server) as (options: net.ListenOptions) => void;
    return Object.assign(server, { listen: (options: net.ListenOptions) => listen(options, reallyListen, server) });
  };
}

function failWith(code: string, server: net.Server): void {
  process.nextTick(() => server.emit('error', Object.assign(new Error(code), { code })));
}

function connect(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port }, () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

async function listens(host: string): Promise<boolean> {
  const server = net.createServer().listen({ host, port: 0 });
  try {
    await once(server, 'listening');
    server.close();
    return true;
  } catch {
    return false;
  }
}

test('if no port is free, the error does not ask to leave out a port that was not given', async () => {
  const createServer = serversThat((_options, _listen, server) => failWith('EADDRINUSE', server));
  const { message, remedy } = (await rejection(
    bindLoopback({ host: 'localhost', port: 0 }, createServer),
  )) as AcceptorError;
  assert.is(message, 'Cannot listen on 127.0.0.1, any port: the port is in use (EADDRINUSE)');
  assert.is(remedy, undefined);
});

test.run();
