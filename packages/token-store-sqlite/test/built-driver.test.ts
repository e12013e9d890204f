/** The build copies the JavaScript of better-sqlite3 into dist (scripts/inline-better-sqlite3.ts). These tests use dist. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linkFolder, temporaryDirectory } from './temporary-directory.ts';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const installed = folderOf('better-sqlite3');

function folderOf(name: string): string {
  return dirname(realpathSync(require.resolve(`${name}/package.json`)));
}

/** A copy of this package as users install it, with another version number of better-sqlite3. Returns its folder. */
function installWith(version: string): string {
  const folder = join(temporaryDirectory(), 'token-store-sqlite');
  const driver = join(folder, 'node_modules/better-sqlite3');
  mkdirSync(driver, { recursive: true });
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  cpSync(join(installed, 'lib'), join(driver, 'lib'), { recursive: true });
  linkFolder(join(installed, 'prebuilds'), join(driver, 'prebuilds'));
  linkFolder(folderOf('token-store-kit'), join(folder, 'node_modules/token-store-kit'));
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  writeFileSync(join(driver, 'package.json'), JSON.stringify({ ...manifest, version }));
  return folder;
}

/** Runs a program in that folder with a new database. `files`: what it has loaded of better-sqlite3's JavaScript. */
function run(folder: string, program: string): { result: unknown; files: string[] } {
  const code = `
    import { registerHooks } from 'node:module';
    const files = [];
    registerHooks({
      load(url, context, next) {
        const [, file] = /better-sqlite3\\/(.+\\.js)$/.exec(url) ?? [];
        if (file) files.push(file);
        return next(url, context);
      },
    });
    const path = process.argv[1];
    const result = await (async () => {${program}})();
    console.log(JSON.stringify({ result, files }));`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', code, '--', join(temporaryDirectory(), 'tokens.db')],
    { cwd: folder, encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' },
  );
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { version: string };
const writeAndRead = `
  const { openTokenStore } = await import('token-store-sqlite');
  const store = openTokenStore(path);
  store.set('app', { refreshToken: 'one' });
  return store.exclusively('app', async () => store.get('app').refreshToken);`;

test('of the JavaScript of better-sqlite3, only the class of its errors is loaded', () => {
  assert.equal(run(root, writeAndRead), { result: 'one', files: ['lib/sqlite-error.js'] });
});

test('with another version of better-sqlite3, its own JavaScript is used', () => {
  assert.equal(run(installWith(version), writeAndRead), { result: 'one', files: ['lib/sqlite-error.js'] });
  const { result, files } = run(installWith('13.999.0'), writeAndRead);
  assert.is(result, 'one');
  assert.ok(files.includes('lib/database.js'), files.join());
});

test('a program that has loaded better-sqlite3 finds its own class in use', () => {
  const { result } = run(
    root,
    `
    const { default: Database } = await import('better-sqlite3');
    let prepared = 0;
    const { prepare } = Database.prototype;
    Database.prototype.prepare = function (text) {
      prepared++;
      return prepare.call(this, text);
    };
    const { openTokenStore } = await import('token-store-sqlite');
    openTokenStore(path).get('app');
    return prepared > 0;`,
  );
  assert.is(result, true);
});

test('a program that loads better-sqlite3 later gets errors of the class that it knows', () => {
  const { result } = run(
    root,
    `
    const { openTokenStore } = await import('token-store-sqlite');
    const store = openTokenStore(path);
    const { default: Database } = await import('better-sqlite3');
    const isKnown = (call) => {
      try {
        call();
        return 'nothing is thrown';
      } catch (error) {
        return (error.cause ?? error) instanceof Database.SqliteError;
      }
    };
    const other = new Database(path);
    other.exec('DROP TABLE token');
    return [isKnown(() => store.get('app')), isKnown(() => other.prepare('SELECT * FROM token'))];`,
  );
  assert.equal(result, [true, true]);
});

test('the licence of better-sqlite3 is beside the copy', () => {
  assert.is(
    readFileSync(join(root, 'dist/better-sqlite3.LICENSE'), 'utf8'),
    readFileSync(join(installed, 'LICENSE'), 'utf8'),
  );
});

test.run();
