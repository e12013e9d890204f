import { spawn } from 'node:child_process';
import { signInAs } from 'testing-authority';

export interface RunOptions {
  cwd: string;
  /** The whole environment of the command. */
  env: NodeJS.ProcessEnv;
  /** After this many milliseconds, the command is killed. Default 120,000. */
  timeout?: number;
  /** Called after each sign-in at the address of a line `open ADDRESS`, with the last page that the person sees. */
  onPage?: (html: string) => void;
}

/** Runs a command to its end and returns its stdout. If its status is not 0, rejects with an Error that has all its output. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { cwd, env, timeout = 120_000, onPage = () => {} } = options;
  const shell = process.platform === 'win32';
  const child = spawn(command, args, { cwd, env, timeout, shell, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  const signIns: Promise<void>[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const [, address] = [...stdout.matchAll(/^open (.+)\n/gm)][signIns.length] ?? [];
    if (address) signIns.push(signInAs(address).then(({ html }) => onPage(html)));
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
  await Promise.all(signIns);
  return stdout;
}

/** The environment of this process, without the variables of the package manager that started it. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^p?npm_/i.test(name)));
}
