import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CliHome, openSignedInScene } from 'testing-command';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
const remembered = `${home.db}.apps.json`;
test.after(() => scene[Symbol.asyncDispose]());

if (!openTerminal) console.log(noTerminal);
const onTerminal = openTerminal ? test : test.skip;

const damages: Record<string, { damage: () => void; says: string }> = {
  'missing apps.json': { damage: () => rmSync(remembered), says: '' },
  'damaged apps.json': {
    damage: () => writeFileSync(remembered, '{"onedrive-token": {"clie'),
    says: `${remembered} is damaged, and was ignored. The client id is that of the stored sign-in.\n`,
  },
};
for (const [what, { damage, says }] of Object.entries(damages)) {
  test(`${what}: the client id of the stored sign-in is used, and remembered again`, async () => {
    damage();
    const first = await home.call([]);
    assert.equal([first.status, first.stderr], [0, says]);
    const entries = JSON.parse(readFileSync(remembered, 'utf8'));
    const { clientId, url } = authority;
    const expected = { clientId, scopes: ['Files.ReadWrite.All'], authority: url };
    assert.equal(entries, { 'onedrive-token': expected });
    const second = await home.call([]);
    assert.equal([second.status, second.stderr, second.stdout], [0, '', first.stdout]);
  });
}

test('an app name that is not signed in: token names those that are, and the command to run', async () => {
  const { status, stdout, stderr } = await home.call(['--app', 'family']);
  assert.is(status, 3);
  assert.is(stdout, '');
  assert.match(stderr, /no sign-in is stored for app name "family" in \S+tokens\.db \(user \S+\)\./);
  assert.match(stderr, /Signed in there: "onedrive-token"\. Run: onedrive-token login --app family\n$/);
});

test('login --app takes the client id that is remembered for another app name, and says so', async () => {
  // Its authority too: the registration is the same.
  const { stderr } = await home.login(['--app', 'family'], { env: { ONEDRIVE_TOKEN_AUTHORITY: '' } });
  assert.match(stderr, `Using the client id of app name "onedrive-token": ${authority.clientId}\n`);
  assert.is((await home.call(['--app', 'family'])).status, 0);
});

test('two remembered client ids: login asks which one is meant', async () => {
  await home.login(['--app', 'work', '--client-id', authority.otherClientId]);
  const { status, stderr } = await home.call(['login', '--app', 'third']);
  assert.is(status, 2);
  assert.match(stderr, `${authority.clientId}  (app name "family")`);
  assert.match(stderr, `${authority.otherClientId}  (app name "work")`);
  assert.match(stderr, 'onedrive-token login --app third --client-id <ID>');
});

test('a database of the Python class: says to name its client id, once', async () => {
  using other = new CliHome({ ONEDRIVE_TOKEN_AUTHORITY: authority.url });
  const { refreshToken } = readRecord(home.db);
  mkdirSync(dirname(other.db), { recursive: true });
  const database = new DatabaseSync(other.db);
  database.exec('CREATE TABLE token (app_name TEXT PRIMARY KEY, refresh_token TEXT)');
  database.prepare("INSERT INTO token VALUES ('onedrive-token', ?)").run(refreshToken);
  database.close();
  const { status, stderr } = await other.call([]);
  assert.is(status, 2);
  assert.match(stderr, 'the Python class has stored it');
  assert.match(stderr, 'Run: onedrive-token token --client-id <ID>\n');
  assert.is((await other.call(['--client-id', authority.clientId])).status, 0);
  assert.is((await other.call([])).status, 0);
});

function readRecord(db: string): { refreshToken: string } {
  const database = new DatabaseSync(db, { readOnly: true });
  const row = database.prepare("SELECT refresh_token FROM token WHERE app_name = 'family'").get();
  database.close();
  return { refreshToken: String(row?.refresh_token) };
}

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

for (const args of [['login'], ['token'], ['status']]) {
  test(`${args} without a terminal asks nothing`, async () => {
    using other = new CliHome(home.env);
    const { status, stderr } = await other.call(args);
    assert.is(status, args[0] === 'status' ? 3 : 2);
    assert.not.match(stderr, 'Application (client) ID":');
  });
}

test.run();
