import { spawn } from 'node:child_process';
import { until } from './until.ts';

// Without it, a start from TypeScript takes three times as long.
export const inherited = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };

/** How long a process of a test may run. */
const lifetimeMs = 50_000;

export interface StartOptions {
  /** What it has to print, on either stream, before it counts as started. Default `ready`. */
  readonly until?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string | URL | undefined;
}

/** A process that was started, and may still run. */
export interface Started {
  readonly pid: number;
  /** What it has printed on stdout so far. */
  said(): string;
  /** The same on stderr. */
  warned(): string;
  /** One line for its stdin. */
  tell(line: string): void;
  kill(): void;
  ended(): boolean;
  /** Resolves with its status when it has ended and all that it printed has been read. */
  untilEnded(): Promise<number | null>;
}

/** Starts Node, and waits until it has printed `until`, at most 30 s. */
export async function startNode(args: readonly string[], options: StartOptions = {}): Promise<Started> {
  const { until: text = 'ready', env = {}, cwd } = options;
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...inherited, ...env },
    timeout: lifetimeMs,
    killSignal: 'SIGKILL',
  });
  // It may end before it has read its input.
  child.stdin.on('error', () => {});
  let [said, warned, closed] = ['', '', false];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    warned += text;
  });
  child.on('close', () => {
    closed = true;
  });
  const kill = (): void => void child.kill('SIGKILL');
  try {
    await until(() => said.includes(text) || warned.includes(text) || closed);
  } catch (error) {
    kill();
    throw error;
  }
  if (closed || child.pid === undefined) throw new Error(`${args[0]} ended before it said ${text}: ${warned}`);
  return {
    pid: child.pid,
    said: () => said,
    warned: () => warned,
    tell: (line) => child.stdin.write(`${line}\n`),
    kill,
    ended: () => closed,
    untilEnded: () => until(() => closed).then(() => child.exitCode),
  };
}

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  milliseconds: number;
}

/** Runs Node to its end, or kills it after `timeout` milliseconds. */
export function runNode(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { timeout = 20_000, cwd }: { timeout?: number; cwd?: string | URL } = {},
): Promise<Ended> {
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) =>
      resolve({ ...output, status, signal, milliseconds: performance.now() - started }),
    );
  });
}
