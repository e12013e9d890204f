// Takes about 7 s.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { freePort, issueCertificate, signInAs, signInElsewhere } from 'testing-authority';
import { openScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CommandLine, commandLines } from '../src/command-lines.ts';
import { recipeSample } from '../src/recipe-sample.ts';
import { readText } from '../src/repository.ts';
import { openStandIn } from '../src/stand-in.ts';
import { unitProblems } from '../src/unit-problems.ts';

const { home, authority, binFolder, run, runProgram, ...standIn } = await openStandIn();
test.after(() => standIn[Symbol.asyncDispose]());

const onWindows = process.platform === 'win32';
if (onWindows) console.log('skipped: the recipes are for the shells of Unix');
const recipe = onWindows ? test.skip : test;

writeFileSync(join(home.folder, 'notes.txt'), 'a note');
await home.login(['--client-id', authority.clientId]);

recipe('once: sign in', async () => {
  const [install, login] = recipeSample('Recipes', 'sh').split('\n');
  assert.is(install, 'npm install --global onedrive-token');
  const { status, stderr } = await run(login ?? '');
  assert.is(status, 0, stderr);
});

recipe('a script with curl reads the drive, and ends with status 3 if there is no sign-in', async () => {
  const script = recipeSample('A script with curl', 'sh');
  const { status, stdout, stderr } = await run(script);
  assert.is(status, 0, stderr);
  assert.is(JSON.parse(stdout).driveType, 'personal');
  const nobody = await run(script, { ONEDRIVE_TOKEN_APP: 'nobody', ONEDRIVE_TOKEN_CLIENT_ID: authority.clientId });
  assert.equal([nobody.status, nobody.stdout], [3, '']);
});

recipe('curl takes the token as a header from stdin, in one line', async () => {
  const [line] = readText('docs/recipes.md').match(/onedrive-token token --header \| curl [^`]+/) ?? [];
  const { status, stdout, stderr } = await run(line ?? 'false');
  assert.is(status, 0, stderr);
  assert.is(JSON.parse(stdout).driveType, 'personal');
});

recipe('a client of MCP gets its headers as a JSON object, which Graph accepts', async () => {
  const { status, stdout, stderr } = await run(recipeSample('MCP server', 'sh'));
  assert.equal([status, stderr], [0, '']);
  const headers = JSON.parse(stdout);
  assert.equal(Object.keys(headers), ['Authorization']);
  assert.is((await fetch(`${authority.graphUrl}/me/drive`, { headers })).status, 200);
  const nobody = await run(recipeSample('MCP server', 'sh'), { ONEDRIVE_TOKEN_APP: 'nobody' });
  assert.equal([nobody.status, nobody.stdout], [3, '']);
});

recipe('the token command for rclone prints the bare token', async () => {
  const [line] = readText('docs/recipes.md').match(/(?<=`)onedrive-token --no-interactive(?=`)/) ?? [];
  const { status, stdout } = await run(line ?? 'false');
  assert.is(status, 0);
  const headers = { Authorization: `Bearer ${stdout.trim()}` };
  assert.is((await fetch(`${authority.graphUrl}/me/drive`, { headers })).status, 200);
});

recipe('Docker: the image has a Node that the command supports, and the database is in the volume', () => {
  const dockerfile = recipeSample('Docker', 'dockerfile');
  const [, major = ''] = /^FROM node:(\d+)-slim$/m.exec(dockerfile) ?? [];
  assert.ok(Number(major) >= 24, dockerfile);
  const [, volume = ''] = /^VOLUME (\S+)$/m.exec(dockerfile) ?? [];
  assert.match(dockerfile, `ENV ONEDRIVE_TOKEN_DB=${volume}/tokens.db`);
  const mounted = commandLines(recipeSample('Docker', 'sh')).flatMap(({ args }) =>
    args.filter((arg) => arg.startsWith('onedrive-tokens:')),
  );
  assert.equal(mounted, [`onedrive-tokens:${volume}`, `onedrive-tokens:${volume}`]);
});

recipe('cron: each line of the crontab works as cron would run it', async () => {
  const lines = recipeSample('cron', 'crontab').split('\n');
  const settings = lines.filter((line) => /^\w+=/.test(line));
  const entries = lines.filter((line) => !settings.includes(line)).map(readCrontabEntry);
  assert.equal([settings.length, entries.length], [1, 2]);
  const before = authority.count('graph');
  for (const command of entries) {
    const env = [...settings, 'SHELL=/bin/sh', 'LOGNAME=ada', `HOME=${home.folder}`]
      .concat(['AUTHORITY', 'GRAPH'].map((name) => `ONEDRIVE_TOKEN_${name}=${home.env[`ONEDRIVE_TOKEN_${name}`]}`))
      // cron sets no XDG_DATA_HOME, and the database of this home is not at the default path.
      .concat(`ONEDRIVE_TOKEN_DB=${home.db}`)
      .map((line) => `'${line.replace('/usr/local/bin', [binFolder, dirname(process.execPath)].join(':'))}'`);
    const { status, stdout, stderr } = await run(`env -i ${env.join(' ')} /bin/sh -c '${command}'`);
    assert.equal([status, stdout, stderr], [0, '', ''], command);
  }
  assert.ok(authority.count('graph') > before);
  const { stdout } = await run('onedrive-token api --paginate /me/drive/root:/backup:/children');
  assert.match(stdout, /"notes-\d{4}-\d\d-\d\d\.txt"/);
});

recipe('systemd: the units are valid, and their command uploads with an encrypted database', async () => {
  const service = recipeSample('systemd', 'ini', 0);
  // systemd checks that the program and the user exist.
  const installed = service.replace('/usr/local/bin/onedrive-token', process.execPath).replace('=ada', '=root');
  const problems = unitProblems(join(home.folder, 'units'), {
    'onedrive-backup.service': installed,
    'onedrive-backup.timer': recipeSample('systemd', 'ini', 1),
  });
  if (problems === undefined)
    console.log('skipped: checking the units needs systemd-analyze (Debian: apt install systemd)');
  else assert.is(problems, '');

  const [, line = ''] = /^ExecStart=(.*)$/m.exec(service) ?? [];
  const [, variable = '', value = ''] = /^Environment=(\w+)=(.*)$/m.exec(service) ?? [];
  writeFileSync(join(home.folder, 'onedrive-token'), 'correct horse battery staple\n', { mode: 0o400 });
  const env = { [variable]: value.replace('%d', home.folder), ONEDRIVE_TOKEN_DB: join(home.folder, 'sealed.db') };
  const login = await run(`onedrive-token login --client-id ${authority.clientId}`, env);
  assert.is(login.status, 0, login.stderr);
  const command = line
    .replace('/usr/local/bin', binFolder)
    .replace('/home/ada/notes.txt', join(home.folder, 'notes.txt'));
  const upload = await run(command, env);
  assert.is(upload.status, 0, upload.stderr);
  const withoutKey = await run(command, { ...env, [variable]: '' });
  assert.is(withoutKey.status, 7, 'the database is encrypted');
});

recipe('SSH: login --paste accepts the last address of a browser on another computer', async () => {
  const running = home.begin(remoteCommand(0), { stdin: 'open' });
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  running.stdin?.end(`${await signInElsewhere(address)}\n`);
  const { status, stderr } = await running.ended;
  assert.is(status, 0, stderr);
});

recipe('SSH: login --port waits for the browser on the port that the same command forwards', async () => {
  const ssh = sshCommand(1);
  const [, port = '', target] = /^(\d+):localhost:(\d+)$/.exec(ssh.args[ssh.args.indexOf('-L') + 1] ?? '') ?? [];
  assert.is(target, port, 'the redirect URI has the port, so it must be the same on both sides');
  const free = String(await freePort());
  const args = remoteCommand(1);
  assert.ok(args.includes(port), String(args));
  const running = home.begin(
    args.map((arg) => (arg === port ? free : arg)),
    { env: { BROWSER: 'true' } },
  );
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  assert.is(new URL(address).searchParams.get('redirect_uri'), `http://localhost:${free}`);
  await signInAs(address);
  assert.is((await running.ended).status, 0);
});

recipe('SSH: the port that login --no-browser names is forwarded under the same number', async () => {
  const forwarded = /-L (\d+):localhost:(\d+) /.exec(sshCommand(2).args.join(' '));
  assert.is(forwarded?.[1], forwarded?.[2], 'the redirect URI has the port, so it must be the same on both sides');
  const running = home.begin(['login', '--no-browser']);
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  const [, named = ''] = await running.says(/http:\/\/localhost:(\d+)\//);
  assert.is(new URL(new URL(address).searchParams.get('redirect_uri') ?? '').port, named);
  await signInAs(address);
  assert.is((await running.ended).status, 0);
});

recipe('SSH: login --device waits until the code is entered on another computer', async () => {
  const running = home.start(remoteCommand(3));
  const [, uri, code] = await running.says(/open +(http\S+)\nand enter the code +(\S+)\n/);
  assert.ok(uri && code);
  running.child.kill('SIGINT');
  assert.is((await running.ended).status, 130);
});

const hasRclone = spawnSync('rclone', ['version']).status === 0;
if (!hasRclone) console.log('skipped: the recipe for rclone needs rclone on PATH (Debian: apt install rclone)');
(hasRclone ? recipe : test.skip)('rclone copies the drive with the token that it gets', async () => {
  // Its address of Graph cannot be changed, so it has a proxy, whose tunnels end here. `/drives/{id}` is the only drive.
  const graph = https.createServer(issueCertificate(), async ({ url = '', headers }, response) => {
    const here = url.replace(/^\/v1\.0\/drives\/[^/]+/, `${authority.graphUrl}/me/drive`);
    // Follows a redirect to the content of a file without the token: older versions of rclone send it there, which is refused.
    const answer = await fetch(here, { headers: { authorization: `${headers.authorization}` } });
    response.writeHead(answer.status, { 'content-type': `${answer.headers.get('content-type')}` });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  const proxy = http.createServer().on('connect', (_, client) => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    graph.emit('connection', client);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  try {
    const { stdout } = await run('onedrive-token api /me/drive');
    const config = join(home.folder, '.config/rclone');
    mkdirSync(config, { recursive: true });
    const settings = recipeSample('rclone', 'ini').replace('YOUR-DRIVE-ID', JSON.parse(stdout).id);
    writeFileSync(join(config, 'rclone.conf'), settings);
    const { status, stderr } = await run(recipeSample('rclone', 'sh'), {
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      // Only rclone uses the proxy.
      NO_PROXY: '127.0.0.1,localhost',
      RCLONE_NO_CHECK_CERTIFICATE: 'true',
      RCLONE_LOW_LEVEL_RETRIES: '1',
    });
    assert.is(status, 0, stderr);
  } finally {
    proxy.close();
  }
  const copied = readdirSync(join(home.folder, 'OneDrive'));
  assert.ok(copied.includes('Shopping list.md'), String(copied));
});

recipe('the Microsoft Graph SDK lists the drive', async () => {
  const tls = issueCertificate();
  const certificate = join(home.folder, 'ca.pem');
  writeFileSync(certificate, tls.ca);
  // The SDK sends a token only over https.
  await using secure = await openScene({ tls });
  const program = recipeSample('Microsoft Graph SDK', 'ts')
    .replace("'YOUR-CLIENT-ID',", `'${secure.authority.clientId}', ${settingsFor(secure.authority.url)}`)
    .replace(
      'authProvider: handler',
      `authProvider: handler, baseUrl: '${secure.authority.origin}/', customHosts: new Set(['127.0.0.1'])`,
    );
  const { status, stdout, stderr } = await runProgram(program, { NODE_EXTRA_CA_CERTS: certificate });
  assert.is(status, 0, stderr);
  assert.match(stdout, /^\d+ Shopping list\.md$/m);
});

recipe('a service uses the sign-in of the command, and says what to do if there is none', async () => {
  const program = recipeSample('The command signs in, a service uses it', 'ts')
    .replace("'YOUR-CLIENT-ID',", `'${authority.clientId}', authority: '${authority.url}',`)
    .replace('https://graph.microsoft.com/v1.0', authority.graphUrl);
  const signedIn = await runProgram(program);
  assert.is(signedIn.status, 0, signedIn.stderr);
  assert.match(signedIn.stdout, "driveType: 'personal'");
  const nobody = await runProgram(program, { XDG_DATA_HOME: join(home.folder, 'nobody') });
  assert.equal([nobody.status, nobody.stderr.trim()], [1, 'Run: onedrive-token login']);
});

recipe('several accounts can be used', async () => {
  const { status, stdout, stderr } = await run(recipeSample('Several accounts', 'sh'));
  assert.is(status, 0, stderr);
  assert.match(stdout, /^ada\nfamily\n/);
  assert.match(stdout, 'driveType');
});

/** Options for the stand-in and the scripted browser. */
function settingsFor(url: string): string {
  const browser = `(url: string) => import('testing-authority').then(({ signInAs }) => signInAs(url))`;
  return `authority: '${url}', openBrowser: ${browser},`;
}

/** The `n`th command of the sample for SSH. */
function sshCommand(n: number): CommandLine {
  const command = commandLines(recipeSample('SSH', 'sh'))[n];
  assert.ok(command?.name === 'ssh', command?.name);
  return command;
}

/** The arguments of `onedrive-token` that it runs on the server. */
function remoteCommand(n: number): string[] {
  const ssh = sshCommand(n);
  const start = ssh.args.indexOf('onedrive-token');
  assert.ok(start > 0, ssh.args.join(' '));
  return ssh.args.slice(start + 1).map((arg) => arg.replace('YOUR-CLIENT-ID', authority.clientId));
}

/** The command of a line of crontab(5): it follows five fields, and every `%` in it is escaped. */
function readCrontabEntry(line: string): string {
  const [, command = ''] = /^(?:\S+ +){5}(.*)$/.exec(line) ?? [];
  assert.not.match(command, /(?<!\\)%/, 'an unescaped % ends the command');
  return command.replaceAll('\\%', '%');
}

test.run();
