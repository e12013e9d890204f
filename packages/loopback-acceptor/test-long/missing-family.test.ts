import { spawnSync } from 'node:child_process';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runProgram } from '../test/run-program.ts';

/** A command that runs the command after it in a network of its own, with only a loopback interface, prepared by `setUp`. */
function inNetwork(setUp: string): string[] {
  return ['unshare', '--net', 'sh', '-c', `${setUp} && exec "$0" "$@"`];
}

const switchIpv6Off = 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6';
const withoutIpv6 = inNetwork(`${switchIpv6Off} && ip link set lo up`);
const withoutIpv4 = inNetwork('ip link set lo up && ip address del 127.0.0.1/8 dev lo');

const [command = '', ...args] = [...withoutIpv6, 'true'];
const isPossible = spawnSync(command, args, { stdio: 'ignore' }).status === 0;
if (!isPossible)
  console.log('skipped: networks without IPv6 or IPv4 need Linux, root and iproute2 (Debian: apt install iproute2)');
const inOwnNetwork = isPossible ? test : test.skip;

/** Answers its own acceptor, and prints the addresses on which that listens. */
const signIn = `
  import net from 'node:net';
  import http from 'node:http';
  const acceptor = await openAcceptor({ state: 'right' });
  const served = await Promise.all(['127.0.0.1', '::1'].map((host) => new Promise((resolve) => {
    const socket = net.connect({ host, port: acceptor.port }, () => { socket.destroy(); resolve(host); });
    socket.on('error', () => resolve(undefined));
  })));
  const accepted = acceptor.accept();
  const [host] = served.filter(Boolean);
  http.get({ host, port: acceptor.port, path: '/?code=the-code&state=right', headers: { host: new URL(acceptor.redirectUri).host } }, (response) => response.resume());
  const { code } = await accepted;
  console.log(JSON.stringify({ served: served.filter(Boolean), name: new URL(acceptor.redirectUri).hostname, code }));
`;

inOwnNetwork('without IPv6, localhost is served only on 127.0.0.1, and the person signs in', async () => {
  const program = runProgram(signIn, { within: withoutIpv6 });
  const served = JSON.parse(`${await program.line()}`);
  assert.equal(served, { served: ['127.0.0.1'], name: 'localhost', code: 'the-code' });
  assert.is((await within('the end', program.ended, 30_000)).code, 0);
});

inOwnNetwork('without IPv4, localhost is served only on [::1], and the person signs in', async () => {
  const program = runProgram(signIn, { within: withoutIpv4 });
  const served = JSON.parse(`${await program.line()}`);
  assert.equal(served, { served: ['::1'], name: 'localhost', code: 'the-code' });
  assert.is((await within('the end', program.ended, 30_000)).code, 0);
});

test.run();
