// Takes about 10 s.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signInAs, startAuthority } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findRuntimes, type Runtime } from '../runtimes/find-runtimes.ts';
import { runProgram } from '../runtimes/run-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'runtimes-'));
const authority = await startAuthority();
test.after(async () => {
  await authority[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const node: Runtime = { name: 'Node', command: process.execPath, args: [] };
const runtimes = findRuntimes();
for (const name of ['Deno', 'Bun']) {
  if (!runtimes.some((runtime) => runtime.name === name)) console.log(`skipped: there is no ${name} for this platform`);
}

/** In a network with a loopback interface, which has no IPv6. */
const switchOff = 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up';
const withoutIpv6 = ['unshare', '--net', 'sh', '-c', `${switchOff} && exec "$0" "$@"`];
const [command = '', ...rest] = [...withoutIpv6, 'true'];
const hasNetworks = spawnSync(command, rest, { stdio: 'ignore' }).status === 0;
if (!hasNetworks)
  console.log('skipped: a network without IPv6 needs Linux, root and iproute2 (Debian: apt install iproute2)');

const used = {
  pkce: true,
  acceptor: 'the-code',
  kit: 'sealed',
  store: ['first', false, ['app']],
  lock: false,
  file: [false, true, ['app']],
  shared: ['token-1', 'token-1', 1, 'second'],
  record: 'second',
  graph: { id: 'drive' },
};
const flow = { same: true, isNew: true, shared: 1, signedIn: [true, false], failure: 'SIGN_IN_REQUIRED' };

/** The last line that the program printed. */
async function lastLine(runtime: Runtime, program: string, options: Parameters<typeof runProgram>[2]): Promise<string> {
  const { status, output } = await runProgram(runtime, program, options);
  assert.is(status, 0, output);
  return output.trimEnd().split('\n').at(-1) ?? '';
}

for (const runtime of runtimes) {
  const { name } = runtime;

  test(`${name}: each package below the handler works`, async () => {
    const args = [join(folder, `packages-${name}.db`)];
    assert.equal(JSON.parse(await lastLine(runtime, 'packages', { args })), used);
  });

  test(`${name}: a user signs in, later handlers refresh, and a sign-out ends it`, async () => {
    const args = [authority.url, authority.clientId, join(folder, `flow-${name}.db`)];
    const open = (address: string): Promise<unknown> => signInAs(address);
    assert.equal(JSON.parse(await lastLine(runtime, 'whole-flow', { args, open })), flow);
  });

  (hasNetworks ? test : test.skip)(`${name}: without IPv6, the acceptor listens on 127.0.0.1 alone`, async () => {
    const args = [join(folder, `ipv4-${name}.db`)];
    assert.equal(JSON.parse(await lastLine(runtime, 'packages', { args, within: withoutIpv6 })), used);
  });
}

test('processes of Node, Deno and Bun that share a database make one refresh at expiry', async () => {
  const all = [node, ...runtimes];
  const args = [authority.url, authority.clientId, join(folder, 'shared.db')];
  authority.accessTokenTtl = 1;
  await lastLine(node, 'get-token', { args: [...args, 'interactive'], open: (address) => signInAs(address) });
  authority.accessTokenTtl = 3600;
  // Until its end, a quick process would use it.
  await sleep(1_500);
  const before = authority.count('token', 'refresh_token');
  const tokens = await Promise.all([...all, ...all].map((runtime) => lastLine(runtime, 'get-token', { args })));
  assert.is(authority.count('token', 'refresh_token') - before, 1);
  assert.is(new Set(tokens).size, 1);
  assert.ok(authority.issuedSecrets.has(tokens[0] ?? ''));
});

const bun = runtimes.find(({ name }) => name === 'Bun');
(bun ? test : test.skip)('Bun: with a proxy, which needs undici, the refresh token is not spent', async () => {
  const args = [authority.url, authority.clientId, join(folder, 'proxy.db')];
  authority.accessTokenTtl = 1;
  await lastLine(node, 'get-token', { args: [...args, 'interactive'], open: (address) => signInAs(address) });
  authority.accessTokenTtl = 3600;
  // A token that is still valid would be given out instead of the error.
  await sleep(1_500);
  const before = authority.count('token');
  // The proxy would not be used for this authority: even so Bun's undici would be.
  const env = { HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1,localhost' };
  const { status, output } = await runProgram(bun as Runtime, 'get-token', { args, env });
  assert.is.not(status, 0);
  assert.match(output, 'CONFIGURATION');
  assert.match(output, 'Run this program in Node.js or Deno');
  assert.is(authority.count('token'), before);
  assert.ok(authority.issuedSecrets.has(await lastLine(node, 'get-token', { args })));
});

test.run();
