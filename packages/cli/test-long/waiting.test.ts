import { signInAs } from 'testing-authority';
import { CliHome, openScene, type Running } from 'testing-command';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
always.after(() => scene[Symbol.asyncDispose]());

if (!openTerminal) console.log(noTerminal);
const test = openTerminal ? always : always.skip;
const clientId = ['--client-id', authority.clientId];

test('before a browser opens for a sign-in that was revoked, one line has the number of Microsoft', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  await authority.revokeAll();
  other.expireTokens();
  using terminal = sit(other, ['api', '/me']);
  await terminal.shows(/^Sign in now: the provider refused the stored sign-in \(invalid_grant: AADSTS50173: /);
  assert.is((await terminal.ended).status, 0);
});

test('--device waits as long as the code lives, unless --timeout says less', async () => {
  for (const [args, left] of [
    [[], /Waiting for you to sign in there: (9|1\d):\d\d left/],
    [['--timeout', '30'], /Waiting for you to sign in there: 0:\d\d left/],
  ] as const) {
    using other = new CliHome(home.env);
    using terminal = sit(other, ['login', '--device', ...args, ...clientId]);
    await terminal.shows(left);
  }
});

/** The address that a command without a terminal shows. */
async function addressOf(running: Running): Promise<string> {
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  return address;
}

test('a second login says that it waits for the first one, and then begins its own', async () => {
  using other = new CliHome({ ...home.env, BROWSER: 'true' });
  const first = other.start(['login', ...clientId]);
  const address = await addressOf(first);
  using second = sit(other, ['login', ...clientId]);
  await second.shows(/Waiting for another process to finish its refresh or sign-in, Ctrl-C cancels/);
  await signInAs(address);
  assert.is((await first.ended).status, 0);
  await second.shows(/Waiting for you to sign in in the browser/);
});

always.run();
