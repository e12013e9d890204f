import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const manifest = createRequire(import.meta.url).resolve('onedrive-token/package.json');

/** The published command, as npm would link it. */
export const cliBin = join(dirname(manifest), 'bin/onedrive-token.js');

/** The Node that runs it: CLI_NODE, where the packages are tried on another one than the tests need. */
const cliNode = process.env.CLI_NODE ?? process.execPath;

/** What to set BROWSER to for a sign-in without a window. */
export const scriptedBrowser = `"${process.execPath}" "${join(import.meta.dirname, 'scripted-browser.ts')}"`;

export interface CliResult {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  env?: NodeJS.ProcessEnv;
  /** Milliseconds after which it is killed. Default 30,000. */
  timeout?: number;
}

/** Runs the command in a process of its own, without a terminal, and waits for its end. */
export function runCli(args: readonly string[], { env, timeout = 30_000 }: CliOptions = {}): Promise<CliResult> {
  const child = spawn(cliNode, [cliBin, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  const result = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ ...result, status, signal }));
  });
}
