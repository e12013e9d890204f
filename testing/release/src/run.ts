import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd: string;
  /** In place of this process's environment. */
  env: NodeJS.ProcessEnv;
  /** Milliseconds after which it is killed. Default 120,000. */
  timeout?: number;
  /** Called with each whole line of stdout, as it comes. */
  onLine?: (line: string) => unknown;
}

/** Runs a command to its end and returns its stdout. An Error with all that it said where it does not end with 0. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { cwd, env, timeout = 120_000, onLine } = options;
  const shell = process.platform === 'win32';
  const child = spawn(command, args, { cwd, env, timeout, shell, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, rest] = ['', '', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine?.(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const end = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      resolve(child.killed ? `the deadline of ${timeout / 1000} s` : (signal ?? `status ${status}`));
    });
  });
  if (end !== 'status 0') throw new Error(`${command} ${args.join(' ')} ended with ${end}\n${stdout}${stderr}`);
  return stdout;
}

/** This process's environment without what the package manager that started it has put there. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^p?npm_/i.test(name)));
}
