import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';

/** The command, as npm would link it. It runs what the last build has left. */
export const bin = resolve(import.meta.dirname, '../../../packages/cli/bin/onedrive-token.js');

/** The Node that runs the command. CLI_NODE names another one than the Node of the tests. */
export const commandNode = process.env.CLI_NODE ?? process.execPath;

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A process that has been started, without a terminal. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the match as soon as stderr matches. Rejects if the process ends first. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
}

export interface ProcessOptions {
  /** The whole environment of the process. */
  env: NodeJS.ProcessEnv;
  /** The content of stdin. Default: stdin is empty, as in cron. 'open' keeps it open for `child.stdin`. */
  stdin?: string | 'open' | undefined;
  cwd?: string | undefined;
  /** The process is killed after so many milliseconds. Default 30,000. */
  timeout?: number | undefined;
}

/** Starts the command. */
export function startCommand(args: readonly string[], options: ProcessOptions): Running {
  return startProcess(commandNode, [bin, ...args], options);
}

/** Starts a program, and collects its output. */
export function startProcess(file: string, args: readonly string[], options: ProcessOptions): Running {
  const { env, stdin, cwd, timeout = 30_000 } = options;
  const child = spawn(file, args, {
    env,
    cwd,
    timeout,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
  });
  // A program may end without reading it.
  child.stdin?.on('error', () => {});
  if (stdin !== undefined && stdin !== 'open') child.stdin?.end(stdin);
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ ...output, status, signal }));
  });
  const says = saysIn(child.stderr, ended, () => output.stderr);
  return { child, ended, says };
}

/** Makes the function that waits for a text: `said` returns what there is of it, and `stream` tells when there is more. */
export function saysIn(stream: Readable | null, ended: Promise<unknown>, said: () => string): Running['says'] {
  return (pattern) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = said().match(pattern);
        if (found) resolve(found);
      };
      stream?.on('data', look);
      const fail = (): void => reject(new Error(`ended without saying ${pattern}: ${said()}`));
      void ended.then(fail, fail);
      look();
    });
}
