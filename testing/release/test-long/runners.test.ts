// Takes about 35 s.
// Needs npm's registry.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { signInAs, startAuthority } from 'testing-authority';
import { dueToday } from 'testing-authority/due-today';
import { openFileTokenStore } from 'token-store-file';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packAll } from '../src/packed-package.ts';
import { plainEnvironment, run } from '../src/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'runners-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const authority = await startAuthority();
/** Signs in at the address of a line that a sample prints. Answers as a token endpoint does. */
const helper = createServer(async (request, response) => {
  const [, address] = /^Open (http:\S+)$/.exec(await text(request)) ?? [];
  if (address) void signInAs(address);
  response.end(JSON.stringify({ access_token: 'new-token', refresh_token: 'second', expires_in: 3_600 }));
});
await new Promise<void>((done) => helper.listen(0, '127.0.0.1', done));
const helperUrl = `http://127.0.0.1:${(helper.address() as AddressInfo).port}`;
test.after(async () => {
  helper.close();
  await authority.close();
});

const runners = dueToday(
  [
    { name: 'Jest', install: 'jest@30', command: ['jest/bin/jest.js', '--runInBand'] },
    { name: 'Vitest, with vmThreads, threads and forks', install: 'vitest@4', command: ['vitest/vitest.mjs', 'run'] },
  ],
  2,
);
const project = join(folder, 'project');
mkdirSync(project);
writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
const tarballs = (await packAll(folder))
  .filter(({ manifest }) => manifest.name !== 'onedrive-token')
  .map(({ tarball }) => tarball);
const npm = ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'openid-client@6'];
await run('npm', [...npm, ...runners.map(({ install }) => install), ...tarballs], {
  cwd: project,
  env: plainEnvironment(),
  timeout: 300_000,
});

/** The samples of a README, in JavaScript. Only their provider is replaced, by this file's authority. */
function samplesOf(name: string): string[] {
  const readme = readFileSync(resolve(import.meta.dirname, `../../../packages/${name}/README.md`), 'utf8');
  return [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = '']) =>
    stripTypeScriptTypes(code)
      .replace(/dataFilepath\('([\w-]+)'\)/, "'$1/tokens.db'")
      .replace(/`.*my-app.tokens.json`/, "'my-app/tokens.json'")
      .replaceAll(/'[\d-]{36}'|'my-client-id'/g, `'${authority.clientId}'`)
      .replace('https://login.example.com', authority.issuer)
      .replace('oauth.None()', 'oauth.None(), { execute: [oauth.allowInsecureRequests] }')
      .replace('https://login.microsoftonline.com/consumers', authority.url)
      .replace("appName: 'my-backup',", `$& authority: '${authority.url}', interactive: false,`)
      .replace('https://graph.microsoft.com/v1.0', authority.graphUrl)
      .replace('new GraphClient({', `$& root: '${authority.graphUrl}',`),
  );
}

/** The last output of each sample. */
const samples: Record<string, RegExp> = {
  'pkce-state': /^43$/,
  'token-store-sqlite': /^new-token$/,
  'shared-token': /"accessToken":"/,
  'loopback-acceptor': /"access_token":"/,
  'onedrive-token-handler': /"driveType":"personal"/,
  'onedrive-graph': /6 of 6 bytes\nphotos\.zip\n\d+$/,
};

for (const [name, prints] of Object.entries(samples)) {
  writeFileSync(join(project, `${name}.js`), samplesOf(name).join(''));
  writeFileSync(
    join(project, `${name}.test.js`),
    `test(${JSON.stringify(name)}, async () => {
  const lines = [];
  const { log, error } = console;
  console.log = console.error = (...all) => {
    const line = all.map((each) => (typeof each === 'object' ? JSON.stringify(each) : String(each))).join(' ');
    lines.push(line);
    void fetch('${helperUrl}', { method: 'POST', body: line });
  };
  try {
    await import('./${name}.js');
  } finally {
    Object.assign(console, { log, error });
  }
  expect(lines.join('\\n')).toMatch(${prints});
}, 30_000);
`,
  );
}
const [kitStore = '', kitContract = ''] = samplesOf('token-store-kit');
writeFileSync(join(project, 'memory-store.js'), kitStore);
const contract = kitContract.replace(/^import \{ test \}.*\n/, '').replace('memory-store.ts', 'memory-store.js');
writeFileSync(join(project, 'token-store-kit.test.js'), contract);
writeFileSync(
  join(project, 'every-case.test.js'),
  `import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { openFileTokenStore } from 'token-store-file';
import { storeContract } from 'token-store-kit/contract';
import { openTokenStore } from 'token-store-sqlite';
for (const open of [openTokenStore, openFileTokenStore]) {
  const openNew = () => open(join(mkdtempSync(join(import.meta.dirname, 'store-')), 'tokens'));
  const cases = storeContract({ open: openNew, close: (store) => store.close() });
  for (const { name, run } of cases) test(\`\${open.name}: \${name}\`, run, 30_000);
}
`,
);
// A pool is where Vitest runs its tests: processes, threads, or contexts of `node:vm`, which have their own built-in classes.
const pools = { vmThreads: ['*.test.js'], threads: ['every-case.test.js'], forks: ['every-case.test.js'] };
const projects = Object.entries(pools).map(([pool, include]) => ({
  test: { name: pool, pool, include, globals: true },
}));
writeFileSync(
  join(project, 'vitest.config.js'),
  `export default ${JSON.stringify({ test: { projects, fileParallelism: false } })};`,
);
writeFileSync(join(project, 'photos.zip'), 'photos');

/** Stores sign-ins whose access token has expired, so that each sample has to refresh. */
async function storeSignIns(): Promise<void> {
  for (const directory of ['my-calendar', 'my-backup', 'my-app'])
    rmSync(join(project, directory), { recursive: true, force: true });
  const calendar = openTokenStore(join(project, 'my-calendar/tokens.db'));
  calendar.set('ada@example.org', { refreshToken: 'first' });
  calendar.close();
  const { clientId, issuer, url } = authority;
  const openBrowser = (address: string): Promise<unknown> => signInAs(address);
  for (const [appName, owner, store] of [
    ['my-backup', url, openTokenStore(join(project, 'my-backup/tokens.db'))],
    ['my-app', issuer, openFileTokenStore(join(project, 'my-app/tokens.json'))],
  ] as const) {
    const scopes = ['Files.ReadWrite.All'];
    const handler = new OneDriveTokenHandler({ appName, clientId, authority: url, scopes, store, openBrowser });
    await handler.signIn();
    await handler.close();
    const { refreshToken = '' } = store.get(appName) ?? {};
    const expired = { accessToken: 'old', expiresAt: 1, obtainedAt: 0 };
    await store.set(appName, { refreshToken, clientId, authority: owner, ...expired });
    store.close();
  }
}

for (const { name, command } of runners) {
  test(`the samples of the READMEs, and every case of the contract for two stores, pass in ${name}`, async () => {
    await storeSignIns();
    const env = { ...plainEnvironment(), NODE_OPTIONS: '--experimental-vm-modules', TOKEN_ENDPOINT: helperUrl };
    const [program = '', ...args] = command;
    const options = { cwd: project, env, timeout: 180_000 };
    await run(process.execPath, [join(project, 'node_modules', program), ...args], options);
    const store = openTokenStore(join(project, 'my-backup/tokens.db'));
    assert.is.not(store.get('my-backup')?.accessToken, 'old', 'the sample has not refreshed');
    store.close();
  });
}

test.run();
