import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signInElsewhere } from 'testing-authority';
import { CliHome, openScene } from 'testing-command';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openScene();
test.after(() => scene[Symbol.asyncDispose]());

if (!openTerminal) console.log(noTerminal);
const onTerminal = openTerminal ? test : test.skip;

onTerminal('login without a client id explains, opens the page if wanted, asks for the id, and signs in', async () => {
  using other = new CliHome(home.env);
  const opened = join(other.folder, 'opened');
  const browser = `sh -c 'echo "$0" >> ${opened}; case "$0" in *entra*) ;; *) exec ${home.env.BROWSER} "$0";; esac'`;
  using terminal = sit(other, ['login'], { BROWSER: browser, TMPDIR: other.folder });
  await terminal.shows(/Register an app of your own:\s+https:\/\/entra\.microsoft\.com\//);
  await terminal.shows(/Open that page in the browser now\? \[Y\/n\] /);
  terminal.type('\r');
  await terminal.shows(/Its "Application \(client\) ID": /);
  terminal.type('my app\r');
  await terminal.shows(/"my app" is no client id: it looks like 12345678-/);
  terminal.type(`  ${authority.clientId.toUpperCase().toLowerCase()} \r`);
  await terminal.shows(/Signed in/);
  assert.is((await terminal.ended).status, 0);
  assert.is((await other.call([])).status, 0);
  assert.match(readFileSync(opened, 'utf8'), /^https:\/\/entra\.microsoft\.com\/.*\n.*\/authorize\?.*\n$/);
});

onTerminal(
  'over SSH no page can be opened: login asks for the id at once, and goes on with a pasted address',
  async () => {
    using other = new CliHome({ ...home.env, BROWSER: '', SSH_CONNECTION: '1' });
    using terminal = sit(other, ['login']);
    await terminal.shows(/Its "Application \(client\) ID": /);
    assert.not.match(terminal.output, 'Open that page');
    terminal.type(`${authority.clientId}\r`);
    const [address] = await terminal.shows(/http:\/\/\S+\/authorize\?client_id[^\s]+(?=\s)/);
    await terminal.shows(/Paste the address here: /);
    terminal.type(`${await signInElsewhere(address)}\r`);
    await terminal.shows(/Signed in/);
    assert.is((await terminal.ended).status, 0);
  },
);

onTerminal('three times no client id is wrong usage, and Ctrl-C ends with 130', async () => {
  using other = new CliHome({ ...home.env, BROWSER: '', SSH_CONNECTION: '1' });
  using terminal = sit(other, ['login']);
  for (let time = 1; time <= 3; time++) {
    await terminal.shows(new RegExp(`(?:[^]*Its "Application \\(client\\) ID": ){${time}}`));
    terminal.type('nonsense\r');
  }
  assert.is((await terminal.ended).status, 2);
  using interrupted = sit(other, ['login']);
  await interrupted.shows(/Its "Application \(client\) ID": /);
  interrupted.type('\u0003');
  assert.is((await interrupted.ended).status, 130);
});

for (const args of [['login'], ['token'], ['status']]) {
  test(`${args} without a terminal asks nothing`, async () => {
    using other = new CliHome(home.env);
    const { status, stderr } = await other.call(args);
    assert.is(status, args[0] === 'status' ? 3 : 2);
    assert.not.match(stderr, 'Application (client) ID":');
  });
}

test.run();
