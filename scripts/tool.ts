import { spawn, spawnSync } from 'node:child_process';
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

/** Runs a development tool while others run: its output is part of the result, not on the terminal. */
export async function toolBesideOthers(
  name: string,
  args: readonly string[],
): Promise<{ status: number; output: string }> {
  const child = spawn(name, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { status: status ?? 1, output };
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

/** Completes the installation if a clone's first command had `--filter`: then pnpm installs one package, and takes that for everything. */
function completeInstall(): void {
  const state = resolve(modules, '.pnpm-workspace-state-v1.json');
  if (!existsSync(state) || !JSON.parse(readFileSync(state, 'utf8')).filteredInstall) return;
  tool('pnpm', ['install', '--frozen-lockfile'], { quiet: true });
}

/** Processes the items in their order, `jobs` at a time. */
export async function beside<T>(jobs: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const workOn = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: jobs }, workOn));
}
