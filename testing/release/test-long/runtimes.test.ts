// Takes about 10 s.
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAuthority } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findRuntimes, type Runtime } from '../runtimes/find-runtimes.ts';
import { lastJson, printed, programPath } from '../src/programs.ts';
import { run } from '../src/run.ts';

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

/** Runs a command in a network namespace with a loopback interface that has no IPv6. */
const switchOff = 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up';
const withoutIpv6 = ['unshare', '--net', 'sh', '-c', `${switchOff} && exec "$0" "$@"`];
const [command = '', ...rest] = [...withoutIpv6, 'true'];
const hasNetworks = spawnSync(command, rest, { stdio: 'ignore' }).status === 0;
if (!hasNetworks)
  console.log('skipped: a network without IPv6 needs Linux, root and iproute2 (Debian: apt install iproute2)');

interface ProgramOptions {
  /** A command that runs the given command. */
  readonly within?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program in a runtime. Returns its output. */
function runProgram({ command, args: before }: Runtime, program: string, args: string[], options: ProgramOptions = {}) {
  const { within = [], env } = options;
  const [first = '', ...rest] = [...within, command, ...before, programPath(program), ...args];
  // Deno looks for node_modules from this folder.
  const cwd = join(import.meta.dirname, '..');
  return run(first, rest, { cwd, env: { ...process.env, NO_COLOR: '1', ...env } });
}

/** Stores a sign-in with Node, and waits until its access token has expired. Returns the arguments of `get-token`. */
async function storeExpired(database: string): Promise<string[]> {
  const args = [authority.url, authority.clientId, join(folder, database)];
  authority.accessTokenTtl = 1;
  await runProgram(node, 'get-token', [...args, 'interactive']);
  authority.accessTokenTtl = 3600;
  // A quick process would still use the token.
  await sleep(1_500);
  return args;
}

for (const runtime of runtimes) {
  const { name } = runtime;

  test(`${name}: each package below the handler works`, async () => {
    const output = await runProgram(runtime, 'packages', [join(folder, `packages-${name}.db`)]);
    assert.equal(lastJson(output), printed.packages);
  });

  test(`${name}: a user signs in, later handlers refresh, and a sign-out ends it`, async () => {
    const args = [authority.url, authority.clientId, join(folder, `flow-${name}.db`)];
    assert.equal(lastJson(await runProgram(runtime, 'whole-flow', args)), printed['whole-flow']);
  });

  (hasNetworks ? test : test.skip)(`${name}: without IPv6, the acceptor listens on 127.0.0.1 alone`, async () => {
    const args = [join(folder, `ipv4-${name}.db`)];
    assert.equal(lastJson(await runProgram(runtime, 'packages', args, { within: withoutIpv6 })), printed.packages);
  });
}

test('processes of Node, Deno and Bun that share a database make one refresh at expiry', async () => {
  const all = [node, ...runtimes];
  const args = await storeExpired('shared.db');
  const before = authority.count('token', 'refresh_token');
  const tokens = await Promise.all([...all, ...all].map((runtime) => runProgram(runtime, 'get-token', args)));
  assert.is(authority.count('token', 'refresh_token') - before, 1);
  assert.is(new Set(tokens).size, 1);
  assert.ok(authority.issuedSecrets.has(tokens[0]?.trim() ?? ''));
});

const bun = runtimes.find(({ name }) => name === 'Bun');
(bun ? test : test.skip)('Bun: with a proxy, which needs undici, the refresh token is not spent', async () => {
  const args = await storeExpired('proxy.db');
  const before = authority.count('token');
  // NO_PROXY excludes this authority from the proxy, but the handler would still use Bun's undici.
  const env = { HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1,localhost' };
  const output = await runProgram(bun as Runtime, 'get-token', args, { env }).catch(String);
  assert.match(output, 'CONFIGURATION');
  assert.match(output, 'Run this program in Node.js or Deno');
  assert.is(authority.count('token'), before);
  assert.ok(authority.issuedSecrets.has((await runProgram(node, 'get-token', args)).trim()));
});

(bun ? test : test.skip)('Bun: a failure to connect is not the end of the process that holds a lock', async () => {
  const { command, args } = bun as Runtime;
  const path = join(folder, 'tokens.json');
  const locks = `${path}-locks`;
  mkdirSync(locks, { mode: 0o700 });
  const socket = join(locks, `${hash('sha256', 'app').slice(0, 12)}-000001-0.a`);
  // While Bun runs, spawnSync blocks this process, so it accepts no connection.
  const tryLock = (): string =>
    spawnSync(command, [...args, programPath('try-lock'), path], { encoding: 'utf8', timeout: 30_000 }).stdout.trim();
  const server = createServer((connection) => connection.unref()).unref();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  assert.is(tryLock(), 'STORE_BUSY lock-held');
  // Fills the queue of the socket, as far as the system allows.
  const waiting = Array.from({ length: 600 }, () =>
    connect(socket)
      .on('error', () => {})
      .unref(),
  );
  assert.is(tryLock(), 'STORE_BUSY lock-held');
  for (const each of waiting) each.destroy();
  server.close();
  symlinkSync(socket, socket);
  assert.is(tryLock(), 'STORE_OPEN not-a-file');
  rmSync(socket);
  assert.is(tryLock(), 'ran');
});

test.run();
