import { globSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markdownFile } from '../src/markdown-file.ts';
import { root } from '../src/repository.ts';
import { openStandIn } from '../src/stand-in.ts';

// The tests of the packages run the TypeScript of the READMEs. test-long/recipes.test.ts runs docs/recipes.md.
const { home, authority, run, runProgram, ...standIn } = await openStandIn();
test.after(() => standIn[Symbol.asyncDispose]());

test('README.md leads to each package, and to every page of docs/, within 27 lines', () => {
  const near = markdownFile('README.md').links.filter(({ place }) => Number(place.split(':')[1]) <= 27);
  const pages = globSync(['packages/*', 'docs/*.md'], { cwd: root }).map((path) => path.replaceAll('\\', '/'));
  assert.equal(
    pages.filter((page) => !near.some(({ url }) => url === page)),
    [],
  );
});

test('README.md: the command signs in, and curl reads the drive with its token', async () => {
  const sample = markdownFile('README.md').samples.find(({ code }) => code.includes('onedrive-token login'));
  const script = sample?.code.replace('npm install --global onedrive-token\n', '') ?? '';
  const { status, stdout, stderr } = await run(`set -e\n${script}`);
  assert.is(status, 0, stderr);
  assert.is(JSON.parse(stdout).driveType, 'personal');
});

test('docs/coming-from-python.md: the file of the Python class still works, without a browser', async () => {
  using store = openTokenStore(home.db);
  const database = new DatabaseSync(join(home.folder, 'tokens.db'));
  database.exec('CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))');
  const { refreshToken = '' } = store.get('onedrive-token') ?? {};
  database.prepare('INSERT INTO token VALUES (?, ?)').run('my-app', refreshToken);
  database.close();
  const given = { appName: 'my-app', clientId: authority.clientId, scopes: ['Files.ReadWrite.All'] };
  const here = { dbFilepath: './tokens.db', authority: authority.url, interactive: false };
  const { status, stdout, stderr } = await runProgram(`import { OneDriveTokenHandler } from 'onedrive-token-handler';
    await using handler = new OneDriveTokenHandler(${JSON.stringify({ ...given, ...here })});
    console.log(await handler.getToken());`);
  assert.is(status, 0, stderr);
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
  assert.is(authority.count('token', 'refresh_token'), 1);
});

test('docs/coming-from-python.md: the command carries on with that file too, and remembers the client id', async () => {
  const [sample] = markdownFile('docs/coming-from-python.md').samples;
  const { status, stdout, stderr } = await run(`set -e\n${sample?.code}\nonedrive-token --db ./tokens.db --app my-app`);
  assert.is(status, 0, stderr);
  const [first = '', second] = stdout.split('\n');
  assert.ok(authority.issuedSecrets.has(first));
  assert.is(second, first);
});

test.run();
