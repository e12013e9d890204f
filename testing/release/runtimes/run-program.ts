import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Runtime } from './find-runtimes.ts';

export interface ProgramEnd {
  readonly status: number | NodeJS.Signals | null;
  /** Standard output, then the errors. */
  readonly output: string;
}

export interface ProgramOptions {
  readonly args: readonly string[];
  /** Called with the address if the program prints a line `open ADDRESS`. */
  readonly open?: (address: string) => Promise<unknown>;
  /** A command that runs the command after it, for example `unshare --net`. */
  readonly within?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const deadlineMs = 120_000;

/** Runs one of the programs of this package in a runtime, and resolves when it has ended. */
export async function runProgram(runtime: Runtime, program: string, options: ProgramOptions): Promise<ProgramEnd> {
  const { args, open, within = [], env } = options;
  const file = fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url));
  const [command = '', ...rest] = [...within, runtime.command, ...runtime.args, file, ...args];
  const child = spawn(command, rest, {
    // Deno looks for the folder node_modules from here.
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let errors = '';
  let opened: Promise<unknown> | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    const address = /^open (\S+)$/m.exec(output)?.[1];
    if (address && open) opened ??= open(address).catch((error) => child.kill() && error);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const status = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  const failure = await opened;
  return { status, output: output + errors + (failure instanceof Error ? failure.message : '') };
}
