import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';

const modules = resolve(import.meta.dirname, '../node_modules');
const bin = resolve(modules, '.bin');

interface ToolOptions {
  env?: NodeJS.ProcessEnv;
  /** Shows the output only if the tool fails. Default false. */
  quiet?: boolean;
}

/** Runs a development tool of this repository, by default with its output on the terminal. Returns its exit status. */
export function tool(name: string, args: readonly string[], { env, quiet = false }: ToolOptions = {}): number {
  const { status, error, stdout, stderr } = spawnSync(name, args, {
    stdio: quiet ? ['inherit', 'pipe', 'pipe'] : 'inherit',
    encoding: 'utf8',
    shell: process.platform === 'win32',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, ...env },
  });
  if (error) throw error;
  if (quiet && status !== 0) process.stderr.write(`${stdout}${stderr}`);
  return status ?? 1;
}

const turboEnv = { TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', TURBO_PRINT_VERSION_DISABLED: '1' };
const turboOptions = [
  '--filter=./packages/*',
  '--filter=./testing/*',
  '--filter=./scripts',
  '--env-mode=loose',
  '--log-prefix=none',
  '--log-order=grouped',
];

/** `turbo run …` for all packages, without turbo's banner, telemetry and prefixes. */
export function turbo(args: readonly string[], options: ToolOptions = {}): number {
  completeInstall();
  return tool('turbo', ['run', ...args, ...turboOptions], { ...options, env: { ...turboEnv, ...options.env } });
}

/** Installs the rest if only one package was installed: after a clone's first command with `--filter`, pnpm takes that for a whole installation. */
function completeInstall(): void {
  const state = resolve(modules, '.pnpm-workspace-state-v1.json');
  if (!existsSync(state) || !JSON.parse(readFileSync(state, 'utf8')).filteredInstall) return;
  tool('pnpm', ['install', '--frozen-lockfile'], { quiet: true });
}
