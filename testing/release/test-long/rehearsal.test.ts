// Takes about 100 s.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signInAs, startAuthority } from 'testing-authority';
import { dueToday } from 'testing-authority/due-today';
import { scriptedBrowser } from 'testing-command';
import { missingTools, PrivateCluster } from 'testing-postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkTypes, compilers, resolutions } from '../src/check-types.ts';
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
  'shared-token-mcp',
  'token-store-file',
  'token-store-kit',
  'token-store-postgres',
  'token-store-sqlite',
];
/** Those that run on an older Node. */
const withOlder = leaves.filter((name) => !/^onedrive-|^token-store-(sqlite|postgres)$/.test(name));
const withProgram = ['onedrive-token-handler', ...leaves];
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
/** For the packages that need no newer one. */
const older = '22.12';
const nodes: [name: string, executable: string][] = [
  [`Node ${older}`, await provideNode(older)],
  [`Node ${process.versions.node}`, process.execPath],
  [`Node ${oldest}`, await provideNode(oldest)],
  ['Node 26', await provideNode('26')],
];
const installer = rehearsal.newUser('installer', process.execPath);
/** The project in which a package is installed alone. The programs run there on every Node: npm installs the same files with each. */
const alone: Record<string, string> = {};
for (const name of published) {
  const isLibrary = libraries.includes(name);
  alone[name] = installer.makeProject(name, isLibrary ? { 'program.ts': readProgram(name) } : {});
  const most = mostPackages[name] ?? 0;

  test(`${name} is installed alone, and is ${most === 1 ? 'one package' : `at most ${most} packages`} in all`, async () => {
    await installer.npm(projectOf(name), 'install', name);
    // A user waits for each of them, and has to trust it.
    const installed = installer.installed(projectOf(name));
    console.log(`\nmeasured: ${installed.length} packages with ${name}`);
    assert.ok(installed.length <= most, `${installed.length} packages, not at most ${most}: ${installed.join(' ')}`);
  });
}
for (const [node, executable] of nodes) {
  const isOlder = node === `Node ${older}`;
  const testUnlessOlder = isOlder ? () => {} : test;
  // Those that run on the older Node run on it here, instead of on the oldest one of the others.
  const testUnlessOldest = node === `Node ${oldest}` ? () => {} : test;
  // It runs TypeScript only if it is told to.
  const env = isOlder ? { NODE_OPTIONS: '--experimental-strip-types --disable-warning=ExperimentalWarning' } : {};
  const user = rehearsal.newUser(node.replaceAll(' ', '-'), executable);
  // What a program stores does not meet what it stored on another Node.
  const folders = Object.fromEntries(withProgram.map((name) => [name, user.makeProject(name)]));
  const runProgram = (name: string, args: string[] = [], options?: Parameters<typeof user.node>[2]): Promise<string> =>
    user.node(folders[name] ?? '', [join(projectOf(name), 'program.ts'), ...args], {
      ...options,
      env: { ...env, ...options?.env },
    });

  test(`no package refuses ${node}, and every entry can be imported`, async () => {
    const project = user.makeProject('all', { 'every-entry.ts': importEveryEntry(isOlder ? withOlder : libraries) });
    await user.npm(project, 'install', '--engine-strict', ...(isOlder ? withOlder : published));
    await user.node(project, ['every-entry.ts'], { env });
  });

  testUnlessOldest(`on ${node}, pkce-state makes the secrets of a request`, async () => {
    assert.is(await runProgram('pkce-state'), 'S256\n');
  });

  testUnlessOldest(`on ${node}, loopback-acceptor signs in with openid-client`, async () => {
    const project = projectOf('loopback-acceptor');
    if (!existsSync(join(project, 'node_modules/openid-client')))
      await installer.npm(project, 'install', 'openid-client');
    await signIn((options) => runProgram('loopback-acceptor', [authority.issuer, authority.clientId], options));
  });

  testUnlessOldest(`on ${node}, token-store-kit seals a record`, async () => {
    assert.is(await runProgram('token-store-kit'), 'the-token\n');
  });

  testUnlessOldest(`on ${node}, shared-token refreshes once for two callers`, async () => {
    assert.is(await runProgram('shared-token'), 'token-1 1\n');
  });

  testUnlessOldest(`on ${node}, shared-token-mcp reads what is stored`, async () => {
    assert.is(await runProgram('shared-token-mcp'), 'stored\n');
  });

  testUnlessOlder(`on ${node}, onedrive-graph tells that Graph refuses a token`, async () => {
    assert.is(await runProgram('onedrive-graph', [authority.graphUrl]), '401\n');
  });

  testUnlessOldest(`on ${node}, token-store-file stores a token that another process reads`, async () => {
    await runProgram('token-store-file', ['write', `token of ${node}`]);
    assert.is(await runProgram('token-store-file', ['read']), `token of ${node}\n`);
  });

  testUnlessOlder(`on ${node}, token-store-sqlite stores a token that another process reads`, async () => {
    await runProgram('token-store-sqlite', ['write', `token of ${node}`]);
    assert.is(await runProgram('token-store-sqlite', ['read']), `token of ${node}\n`);
  });

  const postgresTest = cluster ? testUnlessOlder : Object.assign((name: string) => test.skip(name, () => {}), test);
  postgresTest(`on ${node}, token-store-postgres stores a token that another process reads`, async () => {
    const { port = 0, host = '' } = { port: cluster?.port, host: '127.0.0.1' };
    const env = { PGHOST: host, PGPORT: `${port}`, PGUSER: 'postgres', PGDATABASE: 'postgres' };
    await runProgram('token-store-postgres', ['write', `token of ${node}`], { env });
    assert.is(await runProgram('token-store-postgres', ['read'], { env }), `token of ${node}\n`);
  });

  testUnlessOlder(`on ${node}, onedrive-token-handler gets a token from the authority`, async () => {
    await signIn((options) => runProgram('onedrive-token-handler', [authority.url, authority.clientId], options));
  });

  testUnlessOlder(`on ${node}, onedrive-token signs in and prints a token`, async () => {
    const command = join(projectOf('onedrive-token'), 'node_modules/.bin/onedrive-token');
    await signInByCommand((args, env) => user.node(rehearsal.folder, [command, ...args], { env }));
  });
}

test('onedrive-token, installed globally, signs in and prints a token', async () => {
  const user = rehearsal.newUser('global', process.execPath);
  await user.npm(rehearsal.folder, 'install', '--global', 'onedrive-token');
  await signInByCommand((args, env) => user.command('onedrive-token', args, env));
});

test('every entry compiles with TypeScript 7 and 5.9, as nodenext and bundler find it', async () => {
  const user = rehearsal.newUser('compiler', process.execPath);
  const programs = Object.fromEntries(withProgram.map((name) => [`${name}.ts`, readProgram(name)]));
  const everyEntry = { 'every-entry.ts': importEveryEntry(libraries), 'every-leaf.ts': importEveryEntry(leaves) };
  const project = user.makeProject('all', { ...programs, ...everyEntry });
  await user.npm(project, 'install', 'openid-client', ...libraries);
  const files = [...Object.keys(programs), 'every-entry.ts'];
  for (const compiler of compilers) {
    // The old compiler takes four times as long.
    for (const resolution of compiler === 'typescript' ? resolutions : dueToday(resolutions, 2)) {
      await checkTypes(project, files, compiler, resolution);
      // The types of the leaves must not need @types/node. Those of the handler do, because of undici.
      await checkTypes(project, ['every-leaf.ts'], compiler, resolution, []);
    }
  }
});

test('a patch of one package releases that package alone, and npm update brings it to the users of the handler', async () => {
  const user = rehearsal.newUser('updater', process.execPath);
  const project = user.makeProject('updated', { 'program.ts': readProgram('onedrive-token-handler') });
  await user.npm(project, 'install', 'onedrive-token-handler');
  const first = copy.versions();
  copy.replaceText('packages/loopback-acceptor/src/make-page.ts', 'You are signed in', 'Signed in at last');
  await copy.addChangeset('loopback-acceptor', 'patch', 'The page has other words.');
  const tarballs = await rehearsal.release('second-release');

  const patched = nextPatch(first['loopback-acceptor']);
  assert.equal(copy.versions(), { ...first, 'loopback-acceptor': patched });
  assert.equal(tarballs, [`loopback-acceptor-${patched}.tgz`]);
  await user.npm(project, 'update', '--no-prefer-offline', 'loopback-acceptor');
  assert.ok(user.installed(project).includes(`loopback-acceptor@${patched}`));
  await signIn(
    (options) => user.node(project, ['program.ts', authority.url, authority.clientId], options),
    'Signed in at last',
  );
  assert.is(newestEntry('loopback-acceptor'), `${patched}\n\n### Patch Changes\n\n- The page has other words.`);
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

function projectOf(name: string): string {
  const project = alone[name];
  if (!project) throw new Error(`${name} has no project`);
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
async function signIn(
  start: (options: { onLine: (line: string) => void }) => Promise<string>,
  words = 'You are signed in',
): Promise<void> {
  let page: ReturnType<typeof signInAs> | undefined;
  const onLine = (line: string): void => {
    const [, url] = /^open (.+)$/.exec(line) ?? [];
    if (url) page = signInAs(url);
  };
  const output = await start({ onLine });
  assert.match((await page)?.html ?? '', words);
  const [, token = ''] = /^token (.+)$/m.exec(output) ?? [];
  assert.ok(authority.issuedSecrets.has(token));
}

/** `run` runs the command. */
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
