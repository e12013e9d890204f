import { spawnSync } from 'node:child_process';
import { delimiter, resolve } from 'node:path';

const bin = resolve(import.meta.dirname, '../node_modules/.bin');

/** Runs a development tool of this repository on the terminal. Returns its exit status. */
export function tool(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): number {
  const { status, error } = spawnSync(name, args, {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, ...env },
  });
  if (error) throw error;
  return status ?? 1;
}

/** `turbo run …` without its banner, telemetry and prefixes. */
export function turbo(args: readonly string[], env: NodeJS.ProcessEnv = {}): number {
  const quiet = { TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', TURBO_PRINT_VERSION_DISABLED: '1' };
  const options = [
    '--filter=./packages/*',
    '--filter=./testing/*',
    '--env-mode=loose',
    '--log-prefix=none',
    '--log-order=grouped',
  ];
  return tool('turbo', ['run', ...args, ...options], { ...quiet, ...env });
}
