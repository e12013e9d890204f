// Takes about 45 s.
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { signInAs, signInElsewhere } from 'testing-authority';
import { bin, CliHome, commandNode, openScene } from 'testing-command';
import { noTerminal, openTerminal, sit, type Terminal } from 'testing-command/terminal';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { askService } from '../test/fixtures/token-service.ts';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
always.after(() => scene[Symbol.asyncDispose]());

if (!openTerminal) console.log(noTerminal);
const test = openTerminal ? always : always.skip;
const esc = String.fromCharCode(27);
const clientId = ['--client-id', authority.clientId];

async function addressOn(terminal: Terminal): Promise<string> {
  const [address] = await terminal.shows(/http:\/\/\S+\/authorize\?client_id\S+(?=\s)/);
  return address;
}

test('after three wrong passphrases the status is 7', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId, { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } });
  using hopeless = sit(other, []);
  for (const times of [1, 2, 3]) {
    await hopeless.shows(new RegExp(`(Passphrase of .*: [\\s\\S]*){${times}}`));
    hopeless.type('wrong\r');
  }
  assert.is((await hopeless.ended).status, 7);
});

test('after 15 s without an answer of the browser, login says where error pages are explained, and what else to try', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--app', 'slow', ...clientId], { env: { BROWSER: 'true' }, timeout: 60_000 });
  await running.says(
    /microsoft\.md#the-errors[\s\S]*#browsers-that-stop-the-way-back[\s\S]*onedrive-token login --paste/,
  );
});

test('in a locale without UTF-8, only ASCII is shown', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', ...clientId], { LC_ALL: 'POSIX' });
  await terminal.shows(/[|/\\-] Waiting for you/);
  assert.is((await terminal.ended).status, 0);
  assert.not.match(terminal.output, /[^\p{ASCII}]/u);
});

test('in a narrow terminal, the line that changes never wraps', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', ...clientId], { BROWSER: 'true' }, 30);
  await terminal.shows(/Waiting for you/);
  terminal.type('\u0003');
  await terminal.ended;
  for (const line of stripVTControlCharacters(terminal.output).split(/\r\n|\r/)) {
    if (line.includes('Waiting')) assert.ok(line.replace('^C', '').trimEnd().length < 30, line);
  }
});

test('a dumb terminal gets the address at once, and no spinner', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', ...clientId], { TERM: 'dumb' });
  assert.is((await terminal.ended).status, 0);
  assert.match(terminal.output, 'Open this address');
  assert.not.match(terminal.output, 'Waiting');
  assert.not.match(terminal.output, esc);
});

test('login --encrypt asks for a new passphrase twice, and the database opens with that alone', async () => {
  using other = new CliHome(home.env);
  using different = sit(other, ['login', '--encrypt', ...clientId]);
  await different.shows(/New passphrase for .*: /);
  different.type('one\r');
  await different.shows(/Once more: /);
  different.type('two\r');
  assert.is((await different.ended).status, 2);
  using terminal = sit(other, ['login', '--encrypt', ...clientId]);
  await terminal.shows(/New passphrase for .*: /);
  terminal.type('pass phrase\r');
  await terminal.shows(/Once more: /);
  terminal.type('pass phrase\r');
  await terminal.shows(/Signed in as Someone/);
  assert.is((await terminal.ended).status, 0);
  assert.not.match(terminal.output, 'pass phrase');
  assert.is((await other.run(['list'])).status, 7);
  assert.is((await other.run(['list'], { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } })).stdout, 'onedrive-token\n');
});

test('exec in a terminal leaves Ctrl-C to the terminal, also if it reads its input elsewhere', async () => {
  if (process.platform !== 'linux') return console.log('skipped: a program in a session of its own needs setsid');
  await home.login(clientId);
  // In a session of its own, the program can get the signal only from us.
  const script = `process.on('SIGINT', () => process.exit(1)); console.log('here'); setTimeout(() => process.exit(11), 1000)`;
  for (const input of ['/dev/tty', '/dev/null']) {
    const args = [commandNode, bin, 'exec', '--', 'setsid', process.execPath, '-e', script];
    using terminal = openTerminal?.('sh', ['-c', `exec "$@" <${input}`, 'sh', ...args], { env: home.env });
    await terminal?.shows(/here/);
    terminal?.type('\u0003');
    assert.is((await terminal?.ended)?.status, 11, input);
  }
});

test('an address longer than the line of a terminal is pasted whole', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', '--paste', ...clientId], {}, 1000);
  const answer = await signInElsewhere(await addressOn(terminal));
  terminal.type(`${answer}&padding=${'x'.repeat(5000)}\r`);
  await terminal.shows(/Signed in as Someone/);
  assert.is((await terminal.ended).status, 0);
});

test('a browser on this machine may answer before anything is pasted', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', '--no-browser', ...clientId], {}, 1000);
  await terminal.shows(/Paste the address here: /);
  await signInAs(await addressOn(terminal));
  await terminal.shows(/\nSigned in as Someone/);
  assert.is((await terminal.ended).status, 0);
});

test('a sign-in that replaces a refused one still knows the name of the account', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  await authority.revokeAll();
  other.expireTokens();
  using terminal = sit(other, []);
  assert.is((await terminal.ended).status, 0);
  assert.match((await other.call(['status'])).stdout, /^Signed in as Someone/);
});

test('serve asks for the passphrase once, and finds a later sign-in of another client id with it', async () => {
  using other = new CliHome(home.env);
  const withKey = { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } };
  await other.login(clientId, withKey);
  const socket = join(other.folder, 'run', 's');
  using terminal = sit(other, ['serve', '--socket', socket]);
  await terminal.shows(/Passphrase of/);
  terminal.type('pass phrase\r');
  await terminal.shows(/Serving tokens of/);
  await other.call(['logout'], withKey);
  assert.is((await askService(socket, '/token')).status, 401);
  await other.login(['--client-id', authority.otherClientId], withKey);
  assert.is((await askService(socket, '/token')).status, 200);
  terminal.type('\u0003');
  assert.is((await terminal.ended).status, 0);
  assert.is(terminal.output.match(/Passphrase of/g)?.length, 1);
});

always.run();
