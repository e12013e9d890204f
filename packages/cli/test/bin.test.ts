import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { bin, CliHome } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));

/** Runs the command as if Node were of another version. */
function runAs(version: string): { status: number | null; stdout: string; stderr: string } {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); require(${JSON.stringify(bin)})`;
  return spawnSync(process.execPath, ['-e', pretend, '--', '--version'], { encoding: 'utf8' });
}

test('the Node version that the command asks for is that of the manifest', () => {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? [];
  assert.match(readFileSync(bin, 'utf8'), `needs Node.js ${major}.${minor} or newer`);
  for (const older of [`${major}.${Number(minor) - 1}.9`, `${Number(major) - 1}.99.0`, '0.10.48']) {
    const { status, stdout, stderr } = runAs(older);
    assert.is(status, 1);
    assert.is(stdout, '');
    assert.match(stderr, /^onedrive-token: needs Node\.js .*\n$/);
  }
});

test('the bin has only the syntax of 2009, which any Node can read', () => {
  const source = readFileSync(bin, 'utf8')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/'[^']*'/g, "''");
  assert.not.match(source, /=>|`|\b(let|const|class|async|await|import|export)\b|\?\.|\?\?|\.\.\.|,\s*[)\]}]/);
  assert.ok(new Script(`(function (require) {${readFileSync(bin, 'utf8').replace(/^#!.*/, '')}})`));
});

// Windows deletes no folder in which a process works.
if (process.platform !== 'win32')
  test('a working folder that was deleted is told so, if a path needs it', () => {
    using home = new CliHome();
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
    const run = (...args: string[]) =>
      spawnSync('sh', ['-c', script, 'sh', process.execPath, bin, ...args], { cwd: home.folder, encoding: 'utf8' });
    const { status, stderr } = run('status', '--db', 'tokens.db');
    assert.is(stderr, 'onedrive-token: the working folder was deleted. Change to another one with cd\n');
    assert.is(status, 1);
    assert.is(run('status', '--db', join(home.folder, 'tokens.db')).status, 3);
  });

test('a command leaves no cache file', async () => {
  using home = new CliHome();
  home.env.TMPDIR = join(home.folder, 'tmp');
  mkdirSync(home.env.TMPDIR);
  assert.is((await home.call(['list'])).status, 0);
  assert.equal(readdirSync(home.folder, { recursive: true }), ['tmp']);
});

test.run();
