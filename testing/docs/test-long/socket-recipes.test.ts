import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from 'testing-authority';
import { bin, commandNode } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandLines } from '../src/command-lines.ts';
import { markdownFile } from '../src/markdown-file.ts';
import { openStandIn } from '../src/stand-in.ts';
import { unitProblems } from '../src/unit-problems.ts';

if (process.platform !== 'linux') {
  console.log('skipped: the recipes with a socket are for Linux');
  process.exit(0);
}
const samples = markdownFile('docs/recipes.md').samples.filter(
  ({ heading }) => heading === 'Containers and other computers',
);
const [unit = ''] = samplesIn('ini');
const [systemdScript = '', dockerScript = '', sshScript = ''] = samplesIn('sh');

const { home, authority, run, ...standIn } = await openStandIn();
test.after(() => standIn[Symbol.asyncDispose]());
/** %t of the user's units. */
const runtime = join(home.folder, 'runtime');
mkdirSync(runtime, { mode: 0o700 });
const env = { XDG_RUNTIME_DIR: runtime };
const socket = join(runtime, 'onedrive-token/token.sock');
await home.login(['--client-id', authority.clientId]);

test('systemd: the unit is valid, and the recipe enables it', () => {
  const installed = unit.replace('/usr/local/bin/onedrive-token', process.execPath);
  const problems = unitProblems(join(home.folder, 'units'), { 'onedrive-token.service': installed });
  if (problems === undefined)
    console.log('skipped: checking the unit needs systemd-analyze (Debian: apt install systemd)');
  else assert.is(problems, '');
  const [enable] = commandLines(systemdScript);
  assert.equal(enable?.args, ['--user', 'enable', '--now', 'onedrive-token.service']);
});

test('systemd: the command of the unit serves, and curl gets a token', async () => {
  const [program = '', ...args] = optionOf(unit, 'ExecStart').replace('%t', runtime).split(' ');
  assert.is(program, '/usr/local/bin/onedrive-token');
  assert.ok(args.includes(socket));
  await home.start(args, { timeout: 55_000 }).says(/Serving tokens of/);
  const { status, stdout, stderr } = await run(systemdScript.replace(/^systemctl .*$/m, ''), env);
  assert.is(status, 0, stderr);
  assert.ok(authority.issuedSecrets.has(JSON.parse(stdout).token));
});

test('Docker: a container with the mounted folder and no network gets a token from the socket', async () => {
  const [docker] = commandLines(dockerScript);
  assert.is(docker?.name, 'docker');
  const args = docker?.args ?? [];
  const valueAfter = (option: string): string => args[args.indexOf(option) + 1] ?? '';
  const [from = '', to = ''] = valueAfter('-v').split(':');
  const [variable, inside = ''] = valueAfter('-e').split('=');
  assert.equal([variable, from], ['ONEDRIVE_TOKEN_SOCKET', '$XDG_RUNTIME_DIR/onedrive-token']);
  assert.is(dirname(inside), to);
  const container = `mount -t tmpfs none /run && mkdir '${to}' && mount --bind '${dirname(socket)}' '${to}' && exec "$@"`;
  const unshare = ['unshare', '--mount', '--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];
  if (spawnSync('unshare', [...unshare.slice(1), 'true']).status !== 0) {
    return console.log('skipped: a container needs namespaces, which this system does not allow');
  }
  const { status, stdout, stderr } = await home.startProgram(
    'env',
    ['-i', `PATH=${process.env.PATH}`, `${variable}=${inside}`].concat(
      unshare,
      ['sh', '-c', container, 'sh'],
      [commandNode, bin],
    ),
  ).ended;
  assert.is(status, 0, stderr);
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
});

test('SSH: the forwarded socket gives tokens to the server while the connection lasts', async () => {
  const sshd = '/usr/sbin/sshd';
  if (spawnSync(sshd, ['-V']).error || spawnSync('ssh', ['-V']).error) {
    return console.log('skipped: the recipe for SSH needs ssh and sshd (Debian: apt install openssh-server)');
  }
  const folder = join(home.folder, 'ssh');
  mkdirSync(folder, { mode: 0o700 });
  for (const key of ['host', 'user']) {
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
  }
  const port = await freePort();
  const daemonOptions = [
    `ListenAddress=127.0.0.1:${port}`,
    `HostKey=${folder}/host`,
    `AuthorizedKeysFile=${folder}/user.pub`,
  ]
    .concat(['StrictModes=no', 'UsePAM=no', 'PidFile=none', 'PasswordAuthentication=no'])
    // The shell reads no start-up files of the real home folder, which may wait for something.
    .concat(`SetEnv=HOME=${home.folder} PATH=${home.env.PATH} ONEDRIVE_TOKEN_GRAPH=${authority.graphUrl}`);
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const options = (list: readonly string[]): string[] => list.flatMap((option) => ['-o', option]);
  const daemon = home.startProgram(sshd, ['-D', '-e', '-f', '/dev/null', ...options(daemonOptions)]);
  await daemon.says(/Server listening/);
  const clientOptions = [`IdentityFile=${folder}/user`, `Port=${port}`, 'StrictHostKeyChecking=no', 'BatchMode=yes']
    .concat([`UserKnownHostsFile=${folder}/known_hosts`, 'HostName=127.0.0.1', `User=${userInfo().username}`])
    .concat('LogLevel=ERROR');
  const binFolder = join(home.folder, 'ssh-bin');
  mkdirSync(binFolder);
  const client = `#!/bin/sh\nexec /usr/bin/ssh -F none ${options(clientOptions).join(' ')} "$@"\n`;
  writeFileSync(join(binFolder, 'ssh'), client, { mode: 0o755 });
  // On the server, the folder of the user is in this home.
  const there = join(home.folder, 'server');
  const script = sshScript
    .replaceAll('ada@server', 'server')
    .replaceAll('/home/ada/', `${there}/`)
    .replace("'mkdir", `'mkdir -p ${there} && cd ${there} && mkdir`);
  for (const _time of ['first', 'again, although the socket of the first connection is still there']) {
    const { status, stdout, stderr } = await run(script, { ...env, PATH: `${binFolder}:${home.env.PATH}` });
    assert.is(status, 0, stderr);
    assert.is(JSON.parse(stdout).driveType, 'personal');
  }
});

function samplesIn(language: string): string[] {
  return samples.filter((sample) => sample.language === language).map(({ code }) => code);
}

function optionOf(unit: string, name: string): string {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
}

test.run();
