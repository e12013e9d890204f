import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CliHome, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesOf } from './fixtures/files-of.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

const key = { ONEDRIVE_TOKEN_KEY: 'secret' };

/** Makes a database of the Python class, with a record of the default app name. */
function makePythonDatabase(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE token (app_name TEXT PRIMARY KEY, refresh_token TEXT)');
  database.exec("INSERT INTO token VALUES ('onedrive-token', 'r')");
  database.close();
}

for (const args of [[], ['--client-id', 'x'], ['--client-id', 'x', '--app', 'family'], ['--keyring']]) {
  test(`status ${args.join(' ')} on a fresh machine ends with 3 and names database, app name and user`, async () => {
    using fresh = new CliHome();
    const { status, stdout, stderr } = await fresh.call(['status', ...args]);
    assert.is(status, 3);
    assert.is(stderr, '');
    const app = args.includes('family') ? 'family' : 'onedrive-token';
    assert.ok(stdout.includes(fresh.db));
    assert.match(stdout, new RegExp(`"${app}".* Run: onedrive-token login.*\n$`));
    const json = await fresh.call(['status', '--json', ...args]);
    assert.is(json.status, 3);
    assert.equal(JSON.parse(json.stdout), { signedIn: false, appName: app, scopes: [] });
    assert.is((await fresh.call(['list', ...args])).status, 0);
    assert.equal(filesOf(fresh.folder), []);
  });
}

for (const args of [[], ['--client-id', 'x', '--no-interactive'], ['api', '/me'], ['exec', '--', 'true']]) {
  test(`without a database, '${args.join(' ')}' that may not ask says the same as status, and makes none either`, async () => {
    using fresh = new CliHome();
    const { status, stdout, stderr } = await fresh.call(args);
    assert.equal([status, stdout], [args.includes('--client-id') ? 3 : 2, '']);
    const place = `${fresh.db} .*"onedrive-token"`;
    assert.match(stderr, new RegExp(`^onedrive-token: .*${place}.* Run: onedrive-token login --client-id \\S+\n$`));
    assert.equal(filesOf(fresh.folder), []);
  });
}

const makers: Record<string, (other: CliHome) => Promise<void>> = {
  'a database of the Python class': async ({ db }) => makePythonDatabase(db),
  'a database that other users can read': async (other) => {
    await other.login(['--client-id', authority.clientId]);
    chmodSync(other.db, 0o644);
  },
  'an encrypted database, with --keyring': async (other) => {
    await other.login(['--client-id', authority.clientId], { env: key });
    other.env.ONEDRIVE_TOKEN_KEY = key.ONEDRIVE_TOKEN_KEY;
    other.env.ONEDRIVE_TOKEN_KEYRING = '1';
  },
};
for (const [what, make] of Object.entries(makers)) {
  test(`status and list leave ${what} as it is`, async () => {
    using other = new CliHome({ ONEDRIVE_TOKEN_AUTHORITY: authority.url });
    await make(other);
    const before = filesOf(other.folder);
    const { status, stdout } = await other.call(['list']);
    assert.equal([status, stdout], [0, 'onedrive-token\n']);
    const isPython = what.includes('Python');
    assert.is((await other.call(['status'])).status, isPython ? 3 : 0);
    assert.equal(filesOf(other.folder), before);
  });
}

test('logout of a sign-in that says no client id names none', async () => {
  using other = new CliHome();
  makePythonDatabase(other.db);
  assert.is((await other.call(['logout'])).stderr, 'Signed out of onedrive-token.\n');
});

test('status of a sign-in of another client id or authority says which one is stored', async () => {
  const { stdout } = await home.call(['status', '--client-id', authority.otherClientId]);
  assert.match(stdout, new RegExp(`${authority.clientId}, .*${authority.otherClientId}. Run: `));
  const other = await home.call(['status', '--authority', `${authority.origin}/other`]);
  assert.match(other.stdout, new RegExp(`${authority.url}, .*${authority.origin}/other. Run: `));
});

test.run();
