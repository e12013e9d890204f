// Takes about 240 s.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { signInAs, startAuthority } from 'testing-authority';
import { scriptedBrowser } from 'testing-command';
import { missingTools, PrivateCluster } from 'testing-postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkTypes, compilers, resolutions } from '../src/check-types.ts';
import type { NpmUser } from '../src/npm-user.ts';
import { provideNode } from '../src/provide-node.ts';
import { Rehearsal, readProgram } from '../src/rehearsal.ts';

const rehearsal = await Rehearsal.start();
const authority = await startAuthority();
const withoutPostgres = missingTools(['initdb', 'postgres']);
if (withoutPostgres !== undefined) console.log(withoutPostgres);
const cluster = withoutPostgres === undefined ? await PrivateCluster.start() : undefined;
test.after(async () => {
  await authority.close();
  await cluster?.[Symbol.asyncDispose]();
  await rehearsal[Symbol.asyncDispose]();
});
const { copy } = rehearsal;
const firstTarballs = await rehearsal.release('first-release');
const published = Object.keys(copy.versions());
const libraries = published.filter((name) => name !== 'onedrive-token');
const leaves = [
  'loopback-acceptor',
  'onedrive-graph',
  'pkce-state',
  'shared-token',
  'token-store-kit',
  'token-store-postgres',
  'token-store-sqlite',
];
const withProgram = ['onedrive-token-handler', ...leaves];

test('the first release publishes every package, and tags each with its version', async () => {
  assert.equal(firstTarballs, tarballsOf(published));
  assert.equal(await copy.tags(), tagsOf(published));
});

const { engines } = JSON.parse(readFileSync(join(copy.folder, 'package.json'), 'utf8'));
const oldest = engines.node.slice('>='.length);
const nodes: [name: string, executable: string][] = [
  [`Node ${process.versions.node}`, process.execPath],
  [`Node ${oldest}`, await provideNode(oldest)],
  ['Node 26', await provideNode('26')],
];
for (const [node, executable] of nodes) {
  const user = rehearsal.newUser(node.replaceAll(' ', '-'), executable);

  test(`on ${node}, pkce-state makes the secrets of a request, and is one package in all`, async () => {
    const project = await installAlone(user, 'pkce-state');
    await countInstalled(user, project, 1);
    assert.is(await user.node(project, ['program.ts']), 'S256\n');
  });

  test(`on ${node}, loopback-acceptor signs in with openid-client, and is at most 2 packages`, async () => {
    const project = await installAlone(user, 'loopback-acceptor');
    await countInstalled(user, project, 2);
    await user.npm(project, 'install', 'openid-client');
    await signIn(user, project, [authority.issuer, authority.clientId]);
  });

  test(`on ${node}, token-store-kit seals a record, and is one package in all`, async () => {
    const project = await installAlone(user, 'token-store-kit');
    await countInstalled(user, project, 1);
    assert.is(await user.node(project, ['program.ts']), 'the-token\n');
  });

  test(`on ${node}, shared-token refreshes once for two callers, and is 2 packages`, async () => {
    const project = await installAlone(user, 'shared-token');
    await countInstalled(user, project, 2);
    assert.is(await user.node(project, ['program.ts']), 'token-1 1\n');
  });

  test(`on ${node}, onedrive-graph tells that Graph refuses a token, and is one package in all`, async () => {
    const project = await installAlone(user, 'onedrive-graph');
    await countInstalled(user, project, 1);
    assert.is(await user.node(project, ['program.ts', authority.graphUrl]), '401\n');
  });

  test(`on ${node}, token-store-sqlite stores a token that another process reads, and is 4 packages`, async () => {
    const project = await installAlone(user, 'token-store-sqlite');
    await countInstalled(user, project, 4);
    await user.node(project, ['program.ts', 'write', 'the-token']);
    assert.is(await user.node(project, ['program.ts', 'read']), 'the-token\n');
  });

  const postgresTest = cluster ? test : Object.assign((name: string) => test.skip(name, () => {}), test);
  postgresTest(
    `on ${node}, token-store-postgres stores a token that another process reads, and is 16 packages with pg`,
    async () => {
      const project = await installAlone(user, 'token-store-postgres');
      await countInstalled(user, project, 16);
      const { port = 0, host = '' } = { port: cluster?.port, host: '127.0.0.1' };
      const env = { PGHOST: host, PGPORT: `${port}`, PGUSER: 'postgres', PGDATABASE: 'postgres' };
      await user.node(project, ['program.ts', 'write', `token of ${node}`], { env });
      assert.is(await user.node(project, ['program.ts', 'read'], { env }), `token of ${node}\n`);
    },
  );

  test(`on ${node}, onedrive-token-handler gets a token from the authority, and is at most 21 packages`, async () => {
    const project = await installAlone(user, 'onedrive-token-handler');
    await countInstalled(user, project, 21);
    await signIn(user, project, [authority.url, authority.clientId]);
  });

  test(`on ${node}, onedrive-token, installed globally, signs in and prints a token`, async () => {
    await user.npm(rehearsal.folder, 'install', '--global', 'onedrive-token');
    await countInstalled(user, rehearsal.folder, 25, '--global');
    const env = {
      BROWSER: scriptedBrowser,
      ONEDRIVE_TOKEN_AUTHORITY: authority.url,
      ONEDRIVE_TOKEN_CLIENT_ID: authority.clientId,
    };
    await user.command('onedrive-token', ['login'], env);
    const token = await user.command('onedrive-token', ['token'], env);
    assert.ok(authority.issuedSecrets.has(token.trim()));
    const version = await user.command('onedrive-token', ['--version'], env);
    assert.is(version.trim(), copy.versions()['onedrive-token']);
  });
}
test('every entry can be imported, and compiles with TypeScript 7 and 5.9, as nodenext and bundler find it', async () => {
  const user = rehearsal.newUser('compiler', process.execPath);
  const programs = Object.fromEntries(withProgram.map((name) => [`${name}.ts`, readProgram(name)]));
  const everyEntry = { 'every-entry.ts': importEveryEntry(libraries), 'every-leaf.ts': importEveryEntry(leaves) };
  const project = user.makeProject('all', { ...programs, ...everyEntry });
  await user.npm(project, 'install', 'openid-client', ...libraries);
  await user.node(project, ['every-entry.ts']);
  const files = [...Object.keys(programs), 'every-entry.ts'];
  for (const compiler of compilers) {
    for (const resolution of resolutions) {
      await checkTypes(project, files, compiler, resolution);
      // The types of the leaves must not need @types/node. Those of the handler do, because of undici.
      await checkTypes(project, ['every-leaf.ts'], compiler, resolution, []);
    }
  }
});

test('a patch of one leaf releases the leaf and its dependents, and users get it with npm update', async () => {
  const user = rehearsal.newUser('updater', process.execPath);
  const project = await installAlone(user, 'onedrive-token-handler');
  const first = copy.versions();
  await copy.addChangeset('token-store-sqlite', 'patch', 'A database on a full disk stays as it was.');
  const tarballs = await rehearsal.release('second-release');

  const patched = ['onedrive-token', 'onedrive-token-handler', 'token-store-sqlite'];
  const expected = Object.fromEntries(patched.map((name) => [name, nextPatch(first[name])]));
  assert.equal(copy.versions(), { ...first, ...expected });
  assert.equal(tarballs, tarballsOf(patched));
  await user.npm(project, 'update');
  const installed = await user.installed(project);
  assert.equal(
    // The handler comes with all of them but these.
    tagsOf(withProgram.filter((name) => !['onedrive-graph', 'token-store-postgres'].includes(name))).filter(
      (name) => !installed.includes(name),
    ),
    [],
  );
});

test('a changelog says what has changed, and which of our packages come with it', async () => {
  const versions = copy.versions();
  assert.is(
    newestEntry('token-store-sqlite'),
    `${versions['token-store-sqlite']}\n\n### Patch Changes\n\n- A database on a full disk stays as it was.`,
  );
  assert.is(
    newestEntry('onedrive-token-handler'),
    `${versions['onedrive-token-handler']}\n\n### Patch Changes\n\n- Comes with token-store-sqlite ${versions['token-store-sqlite']}.`,
  );
});

function tagsOf(names: readonly string[]): string[] {
  return names.map((name) => `${name}@${copy.versions()[name]}`).sort();
}

function tarballsOf(names: readonly string[]): string[] {
  return names.map((name) => `${name}-${copy.versions()[name]}.tgz`).sort();
}

function nextPatch(version = ''): string {
  return version.replace(/\d+$/, (patch) => String(Number(patch) + 1));
}

function newestEntry(folder: string): string | undefined {
  const changelog = readFileSync(join(copy.folder, 'packages', folder, 'CHANGELOG.md'), 'utf8');
  return changelog.split(/^## /m)[1]?.trim();
}

/** Counts the installed packages: a user waits for each of them, and has to trust it. */
async function countInstalled(user: NpmUser, project: string, most: number, ...options: '--global'[]): Promise<void> {
  const installed = await user.installed(project, ...options);
  const what = options.length > 0 ? 'the command' : basename(project);
  console.log(`\nmeasured: ${installed.length} packages with ${what}`);
  assert.ok(installed.length <= most, `${installed.length} packages, not at most ${most}: ${installed.join(' ')}`);
}

async function installAlone(user: NpmUser, name: string): Promise<string> {
  const project = user.makeProject(name, { 'program.ts': readProgram(name) });
  await user.npm(project, 'install', name);
  return project;
}

/** A program that imports every entry of every package. */
function importEveryEntry(names: readonly string[]): string {
  const entries = names.flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(join(copy.folder, 'packages', name, 'package.json'), 'utf8'));
    return Object.keys(exports).map((entry) => name + entry.slice(1));
  });
  const modules = entries.filter((entry) => !entry.endsWith('.json'));
  return modules.map((entry, index) => `export * as entry${index} from '${entry}';\n`).join('');
}

/** Runs a program that prints `open ADDRESS` and, after a sign-in there, `token TOKEN`. */
async function signIn(user: NpmUser, project: string, args: readonly string[]): Promise<void> {
  let page: ReturnType<typeof signInAs> | undefined;
  const onLine = (line: string): void => {
    const [, url] = /^open (.+)$/.exec(line) ?? [];
    if (url) page = signInAs(url);
  };
  const output = await user.node(project, ['program.ts', ...args], { onLine });
  assert.match((await page)?.html ?? '', 'You are signed in');
  const [, token = ''] = /^token (.+)$/m.exec(output) ?? [];
  assert.ok(authority.issuedSecrets.has(token));
}

test.run();
