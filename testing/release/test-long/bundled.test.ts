// Takes about 20 s.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { startAuthority } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { byEsbuild, findBundlers } from '../src/bundlers.ts';
import { plainEnvironment, run } from '../src/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'bundled-'));
const authority = await startAuthority();
test.after(async () => {
  await authority.close();
  rmSync(folder, { recursive: true, force: true });
});
const packages = resolve(import.meta.dirname, '../../../packages');
const programs = join(import.meta.dirname, '../runtimes/programs');

/** A project with the imports of `sign-in.ts`. It is deleted before a bundle runs, because a bundle may contain the path of its sources. */
const project = join(folder, 'project');
for (const name of ['loopback-acceptor', 'pkce-state', 'shared-token', 'token-store-file', 'token-store-kit']) {
  for (const part of ['package.json', 'dist']) {
    cpSync(join(packages, name, part), join(project, 'node_modules', name, part), { recursive: true });
  }
}
cpSync(join(programs, 'sign-in.ts'), join(project, 'sign-in.ts'));
const bundlers = findBundlers();
const bundles = await Promise.allSettled(
  bundlers.map(({ name, bundle }) => bundle(join(project, 'sign-in.ts'), newFolder(`made by ${name}`))),
);
rmSync(project, { recursive: true });

for (const [index, { name, runner }] of bundlers.entries()) {
  test(`${name}: a program in one file signs in through the browser, refreshes, and finds its tokens again`, async () => {
    const bundled = bundles[index];
    if (bundled?.status !== 'fulfilled') throw bundled?.reason;
    const alone = newFolder(name);
    const file = join(alone, basename(bundled.value));
    renameSync(bundled.value, file);
    rmSync(join(bundled.value, '..'), { recursive: true });
    const [command = '', ...args] = [...runner, file, authority.url, authority.clientId, join(folder, `${name}.json`)];
    let signIns = 0;
    const onPage = (): unknown => signIns++;
    const runAlone = async (): Promise<string[]> => {
      const printed = await run(command, args, { cwd: alone, env: plainEnvironment(), timeout: 60_000, onPage });
      return Array.from(printed.matchAll(/^token (.+)$/gm), ([, token = '']) => token);
    };
    const tokens = [...(await runAlone()), ...(await runAlone())];
    assert.is(tokens.length, 4);
    for (const token of tokens) assert.ok(authority.issuedSecrets.has(token));
    assert.is(tokens[2], tokens[1], 'the second process did not find the token of the first one');
    assert.is(new Set(tokens).size, 3, 'a refresh brought no new token');
    assert.is(signIns, 1);
    assert.equal(readdirSync(alone), [basename(file)]);
  });
}

const database = join(programs, 'bundled.ts');
const began = 'began\nthe-token\n';
/** The program opens the database last, so it has already worked with a file of tokens. */
const needsNativeCode =
  /^began\nthe-token\nno-native-code .*tokens\.db: the package better-sqlite3.*a bundle cannot contain it\)\n$/;

/** The handler's README says when an ES module needs this. */
const withRequire = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

for (const [format, banner] of [
  ['cjs', ''],
  ['esm', withRequire],
] as const) {
  test(`esbuild, ${format}: a program with token-store-sqlite finds better-sqlite3 beside it, and says so if it does not`, async () => {
    const alone = newFolder(format);
    const file = await byEsbuild(format, database, alone, banner);
    const options = { cwd: alone, env: plainEnvironment() };
    assert.match(await run(process.execPath, [file], options), needsNativeCode);
    mkdirSync(join(alone, 'node_modules'));
    symlinkSync(
      join(packages, 'token-store-sqlite/node_modules/better-sqlite3'),
      join(alone, 'node_modules/better-sqlite3'),
    );
    assert.is(await run(process.execPath, [file], options), `${began}the-token\n`);
  });
}

const bun = bundlers.find(({ name }) => name === 'Bun');
(bun ? test : test.skip)('Bun: an executable with token-store-sqlite says that it needs better-sqlite3', async () => {
  const alone = newFolder('executable');
  const file = (await bun?.bundle(database, alone)) ?? '';
  assert.match(await run(file, [], { cwd: alone, env: plainEnvironment() }), needsNativeCode);
});

function newFolder(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

test.run();
