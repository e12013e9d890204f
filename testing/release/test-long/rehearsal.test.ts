// Takes about 100 s.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAuthority } from 'testing-authority';
import { dueToday } from 'testing-authority/due-today';
import { scriptedBrowser } from 'testing-command';
import { missingTools, PrivateCluster } from 'testing-postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkTypes, compilers, resolutions } from '../src/check-types.ts';
import { NpmUser } from '../src/npm-user.ts';
import { lastJson, printed, readProgram } from '../src/programs.ts';
import { provideNode } from '../src/provide-node.ts';
import { startRegistry } from '../src/registry.ts';
import { ReleaseCopy } from '../src/release-copy.ts';
import type { RunOptions } from '../src/run.ts';

// A registry, a copy of this repository that makes releases, and users who install: all below one folder.
const folder = mkdtempSync(join(tmpdir(), 'rehearsal-'));
// At the exit of the process, because a failure may come before any test runs.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const copy = await ReleaseCopy.make(join(folder, 'copy'));
const registry = await startRegistry(join(folder, 'registry'), Object.keys(copy.versions()));
const authority = await startAuthority();
const withoutPostgres = missingTools(['initdb', 'postgres']);
if (withoutPostgres !== undefined) console.log(withoutPostgres);
const cluster = withoutPostgres === undefined ? await PrivateCluster.start() : undefined;
test.after(async () => {
  await authority.close();
  await cluster?.[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});
const firstTarballs = await release('first-release');
const published = Object.keys(copy.versions());
const libraries = published.filter((name) => name !== 'onedrive-token');
const leaves = libraries.filter((name) => name !== 'onedrive-token-handler');
/** Packages that run on an older Node. */
const withOlder = leaves.filter((name) => !/^onedrive-|^token-store-(sqlite|postgres)$/.test(name));
const programs = ['sign-in', 'packages', 'whole-flow', 'get-token', 'token-store-postgres'];
const mostPackages: Record<string, number> = {
  'loopback-acceptor': 2,
  'onedrive-graph': 1,
  'onedrive-token': 25,
  'onedrive-token-handler': 21,
  'pkce-state': 1,
  'shared-token': 2,
  'shared-token-mcp': 5,
  'token-store-file': 2,
  'token-store-kit': 1,
  'token-store-postgres': 16,
  'token-store-sqlite': 4,
};

test('after a first command for one package only, `pnpm start` installs the rest, and shows how tokens are stored and refreshed', () => {
  const asked = [...copy.started.matchAll(/token endpoint: (\d+)/g)].map(([, count]) => Number(count));
  assert.equal(asked, [1, 0, 1], copy.started);
  assert.match(copy.started, '"driveType": "personal"');
  assert.match(copy.started, 'Signed in as');
});

test('the first release publishes every package, and tags each with its version', async () => {
  assert.equal(firstTarballs, tarballsOf(published));
  assert.equal(await copy.tags(), tagsOf(published));
});

const { engines } = JSON.parse(readFileSync(join(copy.folder, 'package.json'), 'utf8'));
const oldest = engines.node.slice('>='.length);
/** The oldest Node for those packages. */
const older = '22.12';
const nodes: [name: string, executable: string][] = [
  [`Node ${older}`, await provideNode(older)],
  [`Node ${process.versions.node}`, process.execPath],
  [`Node ${oldest}`, await provideNode(oldest)],
  ['Node 26', await provideNode('26')],
];
const installer = newUser('installer', process.execPath);
const sources = Object.fromEntries(programs.map((name) => [`${name}.ts`, readProgram(name)]));
/** The projects in which a package is installed alone, and used on every Node: npm installs the same files with each. */
const alone: Record<string, string> = {};
for (const name of published) {
  const most = mostPackages[name] ?? 0;
  const everyEntry = importEveryEntry(libraries.filter((each) => each === name));
  const project = installer.makeProject(name, { ...sources, 'every-entry.ts': everyEntry });
  alone[name] = project;

  test(`${name} is installed alone, with at most ${most} packages in all, and every entry can be imported`, async () => {
    await installer.npm(project, 'install', name);
    // A user waits for each of these packages, and has to trust it.
    const installed = installer.installed(project);
    console.log(`\nmeasured: ${installed.length} packages with ${name}`);
    assert.ok(installed.length <= most, `${installed.length} packages, not at most ${most}: ${installed.join(' ')}`);
    await installer.node(project, ['every-entry.ts']);
  });
}

test('openid-client is installed beside loopback-acceptor', async () => {
  const example = readFileSync(join(copy.folder, 'packages/loopback-acceptor/examples/openid-client.ts'), 'utf8');
  const project = alone['loopback-acceptor'] ?? '';
  writeFileSync(join(project, 'example.ts'), example);
  writeFileSync(
    join(project, 'sign-in-by-example.ts'),
    `import * as client from 'openid-client';
import { signIn } from './example.ts';
const [issuer, clientId] = process.argv.slice(2);
const execute = [client.allowInsecureRequests];
const config = await client.discovery(new URL(issuer), clientId, undefined, client.None(), { execute });
console.log((await signIn(config, 'openid User.Read', (url) => console.log('open ' + url))).access_token);
`,
  );
  await installer.npm(project, 'install', 'openid-client');
});
for (const [node, executable] of nodes) {
  const isOlder = node === `Node ${older}`;
  const names = isOlder ? withOlder : published;
  // The older Node runs TypeScript only with this flag.
  const env = isOlder ? { NODE_OPTIONS: '--experimental-strip-types --disable-warning=ExperimentalWarning' } : {};
  const user = newUser(node.replaceAll(' ', '-'), executable);
  const project = user.makeProject('all', {
    'every-entry.ts': importEveryEntry(isOlder ? withOlder : libraries),
    ...sources,
  });
  await user.npm(project, 'install', '--engine-strict', ...names);
  const runIn = (folder = '', name = '', args: string[] = [], options: Partial<RunOptions> = {}): Promise<string> =>
    user.node(folder, [`${name}.ts`, ...args], { ...options, env: { ...env, ...options.env } });
  const run = (...given: [string, string[]?, Partial<RunOptions>?]): Promise<string> => runIn(project, ...given);
  const database = (name: string): string => join(project, `${name}.db`);
  const testUnlessOlder = isOlder ? () => {} : test;

  test(`no package refuses ${node}, and every entry can be imported`, async () => {
    await run('every-entry');
  });

  test(`on ${node}, a program with shared-token and loopback-acceptor signs in, and refreshes`, async () => {
    const { url, clientId } = authority;
    const printed = await assertSignsIn((options) => run('sign-in', [url, clientId, 'tokens.json'], options));
    assert.is(new Set(printed.match(/^token .+$/gm)).size, 2);
  });

  testUnlessOlder(`on ${node}, the packages below the handler work together`, async () => {
    assert.equal(lastJson(await run('packages', ['packages.db'])), printed.packages);
  });

  for (const [name, expected] of Object.entries(printed.packages)) {
    if (!names.includes(name)) continue;
    test(`on ${node}, ${name} works alone`, async () => {
      const output = await runIn(alone[name], 'packages', [database(name), name]);
      assert.equal(lastJson(output), { [name]: expected });
    });
  }

  test(`on ${node}, loopback-acceptor alone signs in with openid-client`, async () => {
    const args = [authority.issuer, authority.clientId];
    await assertSignsIn((options) => runIn(alone['loopback-acceptor'], 'sign-in-by-example', args, options));
  });

  testUnlessOlder(
    `on ${node}, a user signs in with the handler alone, later handlers refresh, and a sign-out ends it`,
    async () => {
      const args = [authority.url, authority.clientId, database('flow')];
      const output = await runIn(alone['onedrive-token-handler'], 'whole-flow', args);
      assert.equal(lastJson(output), printed['whole-flow']);
    },
  );

  const postgresTest = cluster ? testUnlessOlder : Object.assign((name: string) => test.skip(name, () => {}), test);
  postgresTest(`on ${node}, token-store-postgres alone stores a token that another process reads`, async () => {
    const { port = 0, host = '' } = { port: cluster?.port, host: '127.0.0.1' };
    const env = { PGHOST: host, PGPORT: `${port}`, PGUSER: 'postgres', PGDATABASE: 'postgres' };
    const runAlone = (...args: string[]) => runIn(alone['token-store-postgres'], 'token-store-postgres', args, { env });
    await runAlone('write', `token of ${node}`);
    assert.is(await runAlone('read'), `token of ${node}\n`);
  });

  testUnlessOlder(`on ${node}, onedrive-token alone signs in and prints a token`, async () => {
    const command = join(alone['onedrive-token'] ?? '', 'node_modules/.bin/onedrive-token');
    await signInByCommand((args, env) => user.node(folder, [command, ...args], { env }));
  });
}

test('onedrive-token, installed globally, signs in and prints a token', async () => {
  const user = newUser('global', process.execPath);
  await user.npm(folder, 'install', '--global', 'onedrive-token');
  await signInByCommand((args, env) => user.command('onedrive-token', args, env));
});

test('every entry compiles with TypeScript 7 and 5.9, as nodenext and bundler find it', async () => {
  const user = newUser('compiler', process.execPath);
  const everyEntry = { 'every-entry.ts': importEveryEntry(libraries), 'every-leaf.ts': importEveryEntry(leaves) };
  const project = user.makeProject('all', { ...sources, ...everyEntry });
  await user.npm(project, 'install', ...libraries);
  const files = [...Object.keys(sources), 'every-entry.ts'];
  for (const compiler of compilers) {
    // The old compiler takes four times as long.
    for (const resolution of compiler === 'typescript' ? resolutions : dueToday(resolutions, 2)) {
      await checkTypes(project, files, compiler, resolution);
      // The types of the leaves must not need @types/node. The types of the handler do, because of undici.
      await checkTypes(project, ['every-leaf.ts'], compiler, resolution, []);
    }
  }
});

test('a patch of one package releases that package alone, and npm update brings it to the users of the handler', async () => {
  const user = newUser('updater', process.execPath);
  const project = user.makeProject('updated', { 'program.ts': readProgram('get-token') });
  await user.npm(project, 'install', 'onedrive-token-handler');
  const first = copy.versions();
  copy.replaceText('packages/loopback-acceptor/src/make-page.ts', 'You are signed in', 'Signed in at last');
  await copy.addChangeset('loopback-acceptor', 'patch', 'The page has other words.');
  const tarballs = await release('second-release');

  const patched = nextPatch(first['loopback-acceptor']);
  assert.equal(copy.versions(), { ...first, 'loopback-acceptor': patched });
  assert.equal(tarballs, [`loopback-acceptor-${patched}.tgz`]);
  await user.npm(project, 'update', '--no-prefer-offline', 'loopback-acceptor');
  assert.ok(user.installed(project).includes(`loopback-acceptor@${patched}`));
  const args = ['program.ts', authority.url, authority.clientId, 'tokens.db', 'interactive'];
  await assertSignsIn((options) => user.node(project, args, options), 'Signed in at last');
  assert.is(newestEntry('loopback-acceptor'), `${patched}\n\n### Patch Changes\n\n- The page has other words.`);
});

/** Sets the versions and publishes. Returns the names of the tarballs. */
async function release(name: string): Promise<string[]> {
  await copy.version();
  return copy.publish(registry.url, join(folder, name));
}

/** A new user of this Node. All users share the downloads of npm. */
function newUser(name: string, node: string): NpmUser {
  return new NpmUser(join(folder, name), node, registry.url, join(folder, 'npm-cache'));
}

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

/** A program that imports every entry of every package. */
function importEveryEntry(names: readonly string[]): string {
  const entries = names.flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(join(copy.folder, 'packages', name, 'package.json'), 'utf8'));
    return Object.keys(exports).map((entry) => name + entry.slice(1));
  });
  const modules = entries.filter((entry) => !entry.endsWith('.json'));
  return modules.map((entry, index) => `export * as entry${index} from '${entry}';\n`).join('');
}

/** Runs a program that asks a person to sign in, and prints a token. Returns the output. `words`: part of the last page. */
async function assertSignsIn(
  start: (options: Partial<RunOptions>) => Promise<string>,
  words = 'You are signed in',
): Promise<string> {
  let page = '';
  const output = await start({
    onPage(html) {
      page = html;
    },
  });
  assert.match(page, words);
  assert.ok(output.split(/\s/).some((word) => authority.issuedSecrets.has(word)));
  return output;
}

/** Signs in with the command, which `run` runs. */
async function signInByCommand(run: (args: string[], env: NodeJS.ProcessEnv) => Promise<string>): Promise<void> {
  const env = {
    BROWSER: scriptedBrowser,
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    ONEDRIVE_TOKEN_CLIENT_ID: authority.clientId,
  };
  await run(['login'], env);
  const token = await run(['token'], env);
  assert.ok(authority.issuedSecrets.has(token.trim()));
  const version = await run(['--version'], env);
  assert.is(version.trim(), copy.versions()['onedrive-token']);
}

test.run();
