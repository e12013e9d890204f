import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliHome, openSignedInScene } from 'testing-command';
import { callOnTerminal, noTerminal, openTerminal } from 'testing-command/terminal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { askProvider } from '../src/session/registration.ts';
import { readSettings } from '../src/settings/settings.ts';
import { Interrupt, Interrupted } from '../src/terminal/interrupt.ts';
import { Screen } from '../src/terminal/screen.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

if (!openTerminal) console.log(noTerminal);
const onTerminal = openTerminal ? test : test.skip;

test('an app name that is not signed in: token says so, and the command to run', async () => {
  const { status, stdout, stderr } = await home.call(['--app', 'family']);
  assert.is(status, 3);
  assert.is(stdout, '');
  assert.match(stderr, /"family" .*tokens\.db .* Run: onedrive-token login --app family --client-id ID\n$/);
});

test('a database of the Python class: says to name its client id, once', async () => {
  using other = new CliHome({ ONEDRIVE_TOKEN_AUTHORITY: authority.url });
  const { refreshToken } = readRecord(home.db);
  mkdirSync(dirname(other.db), { recursive: true });
  const database = new DatabaseSync(other.db);
  database.exec('CREATE TABLE token (app_name TEXT PRIMARY KEY, refresh_token TEXT)');
  database.prepare("INSERT INTO token VALUES ('onedrive-token', ?)").run(refreshToken);
  database.close();
  for (const args of [[], ['login']]) {
    const { status, stderr } = await other.call(args);
    assert.is(status, 2);
    assert.match(stderr, 'Run: onedrive-token token --client-id <ID>\n');
  }
  const known = await other.call(['status', '--client-id', authority.clientId]);
  assert.is(known.status, 0);
  assert.not.match(known.stdout, /undefined|NaN|Access token/);
  assert.is((await other.call(['--client-id', authority.clientId])).status, 0);
  assert.is((await other.call([])).status, 0);
});

function readRecord(db: string): { refreshToken: string } {
  const database = new DatabaseSync(db, { readOnly: true });
  const row = database.prepare("SELECT refresh_token FROM token WHERE app_name = 'onedrive-token'").get();
  database.close();
  return { refreshToken: String(row?.refresh_token) };
}

onTerminal('login without a client id explains, asks for the id, refuses what is none, and signs in', async () => {
  using other = new CliHome(home.env);
  using wrong = callOnTerminal(other, ['login']);
  await wrong.shows(/\(client\) ID": /);
  wrong.type('my app');
  await wrong.shows(/ID": my app/);
  wrong.type('\r');
  await wrong.shows(/onedrive-token: "my app" /);
  assert.is((await wrong.ended).status, 2);
  using terminal = callOnTerminal(other, ['login']);
  await terminal.shows(/https:\/\/entra\.microsoft\.com\//);
  await terminal.shows(/\(client\) ID": /);
  terminal.type(`  ${authority.clientId.toUpperCase().toLowerCase()} \r`);
  await terminal.shows(/Someone/);
  assert.is((await terminal.ended).status, 0);
  assert.is((await other.call([])).status, 0);
});

test("at Microsoft, what is no client id of Microsoft's is wrong usage at once, and no database is made", async () => {
  using other = new CliHome(home.env);
  const args = ['--client-id', 'YOUR-CLIENT-ID', '--authority', 'https://login.microsoftonline.com/consumers'];
  const { status, stderr } = await other.call(['login', ...args]);
  assert.is(status, 2);
  assert.match(stderr, /^onedrive-token: "YOUR-CLIENT-ID" /);
  assert.not(existsSync(dirname(other.db)));
});

test('only Microsoft is asked before a browser opens, for at most 3 s, and a wrong registration ends login', async () => {
  using screen = new Screen();
  using interrupt = new Interrupt();
  const command = { screen, interrupt, settings: readSettings({}) };
  const registration = { authority: 'https://login.microsoftonline.com/consumers', clientId: authority.clientId };
  let asked: URL | undefined;
  const ask = (location: string, body?: string): Promise<void> => {
    const fetch = async (url: string | URL | Request, init?: { signal?: AbortSignal | null }): Promise<Response> => {
      asked ??= new URL(`${url}`);
      await sleep(20, undefined, init?.signal ? { signal: init.signal } : {});
      return new Response(body ?? null, { status: 302, headers: location ? { location } : {} });
    };
    return askProvider(command, registration, { fetch });
  };
  await ask('http://localhost/?error=login_required');
  // It shows no page, and a code would be of no use to anybody.
  const query = Object.fromEntries(asked?.searchParams ?? []);
  assert.equal([query.prompt, query.response_type, query.scope], ['none', 'code', 'openid']);
  assert.equal([query.code_challenge_method, query.code_challenge?.length], ['S256', 43]);
  assert.equal([query.client_id, query.redirect_uri], [authority.clientId, 'http://localhost']);
  for (const [location, body, says] of [
    ['/err?error=unauthorized_client', undefined, authority.clientId],
    ['/err?error=invalid_request&error_description=redirect_uri', undefined, 'http://localhost'],
    ['', 'AADSTS700016: Application not found', authority.clientId],
    ['', 'AADSTS50011: The redirect URI does not match', 'http://localhost'],
  ] as const) {
    const failure = await ask(location, body).catch((thrown: Error) => thrown);
    assert.match(failure?.message ?? '', says);
  }
  const silent = (_url: unknown, init?: { signal?: AbortSignal | null }): Promise<never> =>
    new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
  await askProvider(command, registration, { fetch: silent as never });
  using other = new CliHome(home.env);
  const before = authority.requests.length;
  await other.login(['--client-id', authority.clientId]);
  const sent = authority.requests.slice(before).filter(({ endpoint }) => endpoint === 'authorize');
  assert.is(sent.length, 1);
  interrupt.press();
  const ended = await ask('http://localhost/?error=login_required').catch((reason: unknown) => reason);
  assert.instance(ended, Interrupted);
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
