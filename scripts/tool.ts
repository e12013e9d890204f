import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';

const modules = resolve(import.meta.dirname, '../node_modules');
const bin = resolve(modules, '.bin');

interface ToolOptions {
  env?: NodeJS.ProcessEnv;
  /** Shows the output only where the tool fails. */
  quiet?: boolean;
}

/** Runs a development tool of this repository on the terminal. Returns its exit status. */
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
  '--env-mode=loose',
  '--log-prefix=none',
  '--log-order=grouped',
];

/** `turbo run …` over all packages, without its banner, telemetry and prefixes. */
export function turbo(args: readonly string[], options: ToolOptions = {}): number {
  completeInstall();
  return tool('turbo', ['run', ...args, ...turboOptions], { ...options, env: { ...turboEnv, ...options.env } });
}

/** Where a clone's first command was for one package (`--filter`), pnpm installed for that alone and takes it for the whole. */
function completeInstall(): void {
  const state = resolve(modules, '.pnpm-workspace-state-v1.json');
  if (!existsSync(state) || !JSON.parse(readFileSync(state, 'utf8')).filteredInstall) return;
  tool('pnpm', ['install', '--frozen-lockfile'], { quiet: true });
}
