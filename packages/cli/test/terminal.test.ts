import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { signInAs, signInElsewhere } from 'testing-authority';
import { bin, CliHome, commandNode, openScene } from 'testing-command';
import { callOnTerminal, noTerminal, openTerminal, sit, type Terminal } from 'testing-command/terminal';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
always.after(() => scene[Symbol.asyncDispose]());

if (!openTerminal) console.log(noTerminal);
const test = openTerminal ? always : always.skip;
const clientId = ['--client-id', authority.clientId];
const away = { BROWSER: '' };
const esc = String.fromCharCode(27);
/** It asks for an address, with the time left. */
const prompt = /[23]:\d\d .*: /;

async function addressOn(terminal: Terminal): Promise<string> {
  const [address] = await terminal.shows(/http:\/\/\S+\/authorize\?client_id\S+(?=\s)/);
  return address;
}

test('onedrive-token alone signs in through the browser, shows the time left, and prints the token on the screen', async () => {
  using other = new CliHome(home.env);
  using terminal = callOnTerminal(other, clientId);
  await terminal.shows(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] .* [23]:\d\d .*Ctrl-C/);
  assert.is((await terminal.ended).status, 0);
  const lines = stripVTControlCharacters(terminal.output)
    .trim()
    .split(/\r?\n|\r/);
  assert.ok(authority.issuedSecrets.has(lines.at(-1) ?? ''));
  assert.match(terminal.output, `\r${esc}[2K`);
});

test('$(onedrive-token) in a terminal signs in too, and only the token goes to the shell', async () => {
  if (!openTerminal) return;
  using other = new CliHome(home.env);
  const script = `token=$('${commandNode}' '${bin}' --client-id ${authority.clientId}); printf '<%s>' "$token" > '${other.folder}/out'; '${commandNode}' '${bin}' api /me >'${other.folder}/me'`;
  using terminal = openTerminal('bash', ['-c', script], { env: other.env });
  await terminal.ended;
  const written = readFileSync(`${other.folder}/out`, 'utf8');
  assert.match(written, /^<\S+>$/);
  assert.ok(authority.issuedSecrets.has(written.slice(1, -1)));
  assert.is(readFileSync(`${other.folder}/me`, 'utf8'), (await other.call(['api', '/me'])).stdout, 'not for a person');
});

test('with --no-interactive the command does not ask the user, even on a terminal: status 3 and one line', async () => {
  using other = new CliHome(home.env);
  using terminal = callOnTerminal(other, [...clientId, '--no-interactive'], {}, 1000);
  assert.is((await terminal.ended).status, 3);
  assert.match(terminal.output, /^onedrive-token: .*Run: onedrive-token login --client-id \S+\r\n$/);
});

test('Ctrl-C during the wait for the browser ends with 130 and a clean line', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', ...clientId], { BROWSER: 'true' });
  await terminal.shows(/Ctrl-C/);
  terminal.type('\u0003');
  // The end of the process may be reported before its last output.
  await terminal.shows(/Interrupted\./);
  assert.is((await terminal.ended).status, 130);
  // Another line may have come after the one that was erased.
  const [before = ''] = terminal.output.split('Interrupted.');
  assert.ok(before.endsWith(`${esc}[2K`) || before.endsWith('\n'), before);
});

test('login --device shows how long the code is still good for', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', '--device', ...clientId]);
  await terminal.shows(/Waiting for you to sign in there: 1[45]:\d\d left, Ctrl-C cancels/);
  terminal.type('\u0003');
  assert.is((await terminal.ended).status, 130);
});

test('Ctrl-C during the wait for a pasted address ends with 130', async () => {
  for (const option of ['--no-browser', '--paste']) {
    using other = new CliHome(home.env);
    using terminal = callOnTerminal(other, ['login', option, ...clientId]);
    await terminal.shows(prompt);
    terminal.type('\u0003');
    assert.is((await terminal.ended).status, 130);
    assert.match(terminal.output, /\nInterrupted\.\r\n$/);
  }
});

test('if no browser can be opened, login asks for the address on which the browser of another computer ended', async () => {
  using other = new CliHome(home.env);
  using terminal = callOnTerminal(
    other,
    ['login', ...clientId],
    { ...away, SSH_CONNECTION: '10.0.0.2 5 10.0.0.1 22' },
    1000,
  );
  await terminal.shows(prompt);
  const url = await addressOn(terminal);
  terminal.type('\r');
  await terminal.shows(/ here: \s+[23]:\d\d left\. [^\n]* here: $/);
  terminal.type('nonsense\r');
  await terminal.shows(/nonsense\s+\S.+\s+[23]:\d\d .*: $/);
  terminal.type(`${await signInElsewhere(url)}\r`);
  await terminal.shows(/Someone/);
  assert.is((await terminal.ended).status, 0);
  assert.not.match(terminal.output, /\r\n\r\n.*Someone/);
});

test('Ctrl-D where an address is to be pasted: the wait for the browser of this computer goes on', async () => {
  using other = new CliHome(home.env);
  using terminal = callOnTerminal(other, ['login', '--no-browser', ...clientId], {}, 1000);
  await terminal.shows(prompt);
  const url = await addressOn(terminal);
  terminal.type('\u0004');
  await terminal.shows(/[23]:\d\d .*: \r?\n/);
  await signInAs(url);
  await terminal.shows(/Someone/);
  assert.is((await terminal.ended).status, 0);
});

test('a second sign-in of one command, after a revocation, shows its own address', async () => {
  using other = new CliHome(home.env);
  const server = createHttpServer(async (_request, response) => {
    await authority.revokeAll();
    response.writeHead(401).end();
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const graph = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  using terminal = callOnTerminal(other, ['api', '/me', '--graph', graph, ...clientId], away, 1000);
  await terminal.shows(prompt);
  const first = await addressOn(terminal);
  terminal.type(`${await signInElsewhere(first)}\r`);
  await terminal.shows(/refused the stored sign-in \(invalid_grant: [\s\S]*[23]:\d\d .*: $/);
  terminal.type('\u0003');
  assert.is((await terminal.ended).status, 130);
  assert.match(terminal.output.split(first).at(-1) ?? '', /http:\/\/\S+\/authorize\?client_id\S+/);
});

test('on a terminal, api shows nothing of a server that could control it: status text, headers, body, pages', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  const body = '{"value":[{"name":"a\u007f\u009b\u202eb"}]}';
  const head =
    'HTTP/1.1 200 O\u001b[2JK\r\nx-name: a\u009b2Jb\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n';
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const graph = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1.0`;
  for (const args of [
    ['/me', '--include'],
    ['/me', '--paginate'],
    ['/me', '--json'],
  ]) {
    using terminal = callOnTerminal(other, ['api', '--graph', graph, ...args]);
    assert.is((await terminal.ended).status, 0, terminal.output);
    assert.match(terminal.output, '"a���b"');
    for (const unsafe of [esc, '\u007f', '\u009b', '\u202e']) assert.not.ok(terminal.output.includes(unsafe));
  }
  const piped = await other.call(['api', '--graph', graph, '/me']);
  assert.is(piped.stdout, body, 'byte for byte for a program');
  server.close();
});

test('on a terminal, JSON has no app name or file name that could control it; for a program it has them as they are', async () => {
  using other = new CliHome(home.env);
  const name = 'bob\u009b31m\u202e';
  const login = () => other.login(['--app', name, ...clientId]);
  await login();
  const file = join(other.folder, name);
  for (const [args, shown, after] of [
    [['list', '--json'], '["bob�31m�"]', undefined],
    [['api', '/me', '--app', name, '--json', '-o', file], `bob�31m�","bytes":`, undefined],
    [['logout', '--app', name, '--json'], '["bob�31m�"]', login],
  ] as const) {
    using terminal = callOnTerminal(other, args, {}, 1000);
    assert.is((await terminal.ended).status, 0, terminal.output);
    assert.ok(stripVTControlCharacters(terminal.output).includes(shown), `${args[0]}: ${terminal.output}`);
    for (const unsafe of ['\u009b', '\u202e']) assert.not.ok(terminal.output.includes(unsafe), args[0]);
    await after?.();
    assert.match((await other.call(args)).stdout, name);
  }
});

test('api shows JSON indented, and keeps binary data off the terminal', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  using json = callOnTerminal(other, ['api', '/me']);
  assert.is((await json.ended).status, 0);
  assert.match(json.output, '{\r\n  "@odata.context"');
  await other.call(['api', '/me/drive/root:/a.bin:/content', '-X', 'PUT', '-d', '-', '-H', 'content-type: x/y'], {
    stdin: '\0',
  });
  using binary = callOnTerminal(other, ['api', '/me/drive/root:/a.bin:/content']);
  assert.is((await binary.ended).status, 2);
  assert.match(binary.output, '--output FILE');
  const server = createHttpServer(({ url }, response) => {
    if (url === '/notes') response.setHeader('content-type', 'text/plain').end('{notes');
    else response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const graph = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  using text = callOnTerminal(other, ['api', '/notes', '--graph', graph]);
  assert.is((await text.ended).status, 0);
  assert.match(text.output, /^\{notes\s*$/);
  using nothing = callOnTerminal(other, ['api', '/nothing', '--graph', graph]);
  assert.is((await nothing.ended).status, 0, nothing.output);
});

test('a typed passphrase is not shown', async () => {
  using other = new CliHome(home.env);
  const key = 'pass phrase';
  await other.login(clientId, { env: { ONEDRIVE_TOKEN_KEY: key } });
  using terminal = callOnTerminal(other, ['status']);
  await terminal.shows(/tokens\.db: $/);
  terminal.type('\r');
  await terminal.shows(/tokens\.db: \s+.+\r\n.*tokens\.db: $/);
  terminal.type('wrong\r');
  await terminal.shows(/(tokens\.db: \s+That.+\r\n.*){2}tokens\.db: $/);
  terminal.type(`${key}\r`);
  await terminal.shows(/Someone/);
  assert.is((await terminal.ended).status, 0);
  assert.not.match(terminal.output, key);
  assert.not.match(terminal.output, 'wrong');
  using doctor = callOnTerminal(other, ['doctor']);
  assert.is((await doctor.ended).status, 1, 'it asks nothing');
  assert.match(doctor.output, new RegExp(`. Checking node\r${esc}\\[2K✓ node `));
  using wrong = callOnTerminal(other, ['status'], { ONEDRIVE_TOKEN_KEY: 'wrong' });
  await wrong.shows(/ONEDRIVE_TOKEN_KEY or --key-file/);
  using interrupted = callOnTerminal(other, []);
  await interrupted.shows(/tokens\.db: $/);
  interrupted.type('\u0003');
  assert.is((await interrupted.ended).status, 130);
});

test('serve remembers a typed passphrase for the next sign-in', async () => {
  using other = new CliHome(home.env);
  const key = { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } };
  const client = { env: { ONEDRIVE_TOKEN_SOCKET: join(other.folder, 'run/socket') } };
  await other.login(clientId, key);
  using terminal = sit(other, ['serve', '--socket', client.env.ONEDRIVE_TOKEN_SOCKET]);
  await terminal.shows(/tokens\.db: $/);
  terminal.type('pass phrase\r');
  await terminal.shows(/Serving/);
  await other.call(['logout'], key);
  assert.is((await other.call([], client)).status, 3);
  await other.login(clientId, key);
  assert.is((await other.call([], client)).status, 0);
  await other.call(['rekey', '--decrypt'], key);
  assert.is((await other.call([], client)).status, 1, 'no person is asked while a client waits');
  terminal.type('\u0003');
  assert.is((await terminal.ended).status, 0);
});

test('move says that the other database is not encrypted, also if the passphrase was typed', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId, { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } });
  using terminal = callOnTerminal(other, ['move', '--to', 'plain.db']);
  await terminal.shows(/tokens\.db: $/);
  terminal.type('pass phrase\r');
  assert.is((await terminal.ended).status, 0);
  assert.match(terminal.output, /plain\.db is not encrypted/);
});

test('a new passphrase is typed twice, and not shown', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  for (const [typed, again, expected] of [
    ['', undefined, 2],
    ['first try', 'second try', 2],
    ['pass phrase', 'pass phrase', 0],
  ] as const) {
    using terminal = callOnTerminal(other, ['rekey', '--encrypt']);
    await terminal.shows(/tokens\.db: $/);
    terminal.type(`${typed}\r`);
    if (again) {
      await terminal.shows(/tokens\.db: \s+\S.*: $/);
      terminal.type(`${again}\r`);
    }
    assert.is((await terminal.ended).status, expected);
    if (typed) assert.not.match(terminal.output, typed);
  }
  assert.is((await other.call([], { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } })).status, 0);
});

test('a download shows how far it is, and draws that a few times a second', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  const size = 12 * 1024 * 1024;
  const { promise: isShown, resolve: goOn } = Promise.withResolvers<void>();
  const server = createHttpServer(async (_request, response) => {
    response.writeHead(200, { 'content-length': size }).write(Buffer.alloc(size / 2));
    await isShown;
    response.end(Buffer.alloc(size / 2));
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const graph = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1.0`;
  const startedAt = performance.now();
  using terminal = callOnTerminal(other, [
    'api',
    '--graph',
    graph,
    '/me/drive/root:/big:/content',
    '-o',
    `${other.folder}/big`,
  ]);
  await terminal.shows(/\w 6\.0 MiB of 12\.0 MiB \(50 %\)/);
  goOn();
  assert.is((await terminal.ended).status, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  assert.match(terminal.output, new RegExp(`\r${esc}\\[2K\\w+ 12\\.0 MiB .*/big`));
  const drawn = terminal.output.split(' MiB of ').length;
  assert.ok(drawn < 5 + 8 * seconds, `${drawn} times in ${seconds} s`);
});

test('a wait that Graph asks for is shown until the next attempt; a size that is not known is not shown', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  let requests = 0;
  const server = createHttpServer(({ url }, response) => {
    if (requests++ % 2 === 0) return void response.writeHead(429, { 'retry-after': '0' }).end();
    response.writeHead(200, { 'content-type': 'application/json' });
    // In two parts, its length is not said.
    response.write('{"value":[1]', () => response.end('}'));
    assert.ok(url);
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const graph = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const erased = String.raw`\r${esc}\[2K`;
  using items = callOnTerminal(other, ['api', '--paginate', '/items', '--graph', graph], {}, 1000);
  assert.is((await items.ended).status, 0);
  assert.match(items.output, new RegExp(`HTTP 429.*; next attempt in 0 s${erased}\\[1\\]`));
  using file = callOnTerminal(other, ['api', '/file', '-o', `${other.folder}/x`, '--graph', graph], {}, 1000);
  assert.is((await file.ended).status, 0);
  assert.match(file.output, new RegExp(`next attempt in 0 s${erased}\\S Downloading \\d+ B${erased}`));
  server.close();
});

test('an upload shows how far it is', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  const file = `${other.folder}/notes`;
  writeFileSync(file, Buffer.alloc(2048));
  using terminal = callOnTerminal(other, ['api', '/me/drive/root:/notes', '--upload', file]);
  assert.is((await terminal.ended).status, 0);
  assert.match(terminal.output, /\w 0 B of 2\.0 KiB \(0 %\)/);
});

test('exec on a terminal passes on a signal that does not come from the keyboard', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  const script = `process.on('SIGTERM', () => process.exit(9)); console.log(process.ppid + ' waits'); setTimeout(() => {}, 20_000)`;
  using terminal = sit(other, ['exec', '--', 'node', '-e', script]);
  const [, command] = await terminal.shows(/(\d+) waits/);
  process.kill(Number(command), 'SIGTERM');
  assert.is((await terminal.ended).status, 9);
});

test('in 40 columns, what a person reads breaks at words', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  for (const args of [
    ['status'],
    ['doctor'],
    ['status', '--app', 'x'],
    ['token', '--min-valid', '5'],
    ['serve', '--help'],
  ]) {
    using terminal = callOnTerminal(other, args, {}, 40);
    await terminal.ended;
    const lines = stripVTControlCharacters(
      terminal.output.replace(new RegExp(`[^\\r\\n]*\\r${esc}\\[2K`, 'g'), ''),
    ).split('\r\n');
    for (const line of lines) {
      const [longest = ''] = line.split(/\s+/).toSorted((one, next) => next.length - one.length);
      assert.ok(line.length <= 40 || longest.length > 15 || /\$ |[Rr]un: /.test(line), line);
    }
  }
});

test('--help fits a narrow terminal, and has no control sequences', async () => {
  using terminal = callOnTerminal(home, ['login', '--help'], {}, 60);
  await terminal.ended;
  assert.not.match(terminal.output, esc);
  const options = /Options:[\s\S]*Examples:/.exec(terminal.output)?.[0] ?? '';
  for (const line of options.split('\r\n')) assert.ok(line.length <= 60, line);
});

always.run();
