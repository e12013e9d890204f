import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from './within.ts';

// Without the cache, a start from TypeScript takes three times as long.
const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };

const running = new Set<ChildProcess>();
process.once('exit', killPrograms);

/** Kills all programs that still run: a failed test leaves them, and they would keep the process alive. */
export function killPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

export interface Ended {
  /** The rest of stdout, which `line` has not returned. */
  readonly output: string;
  readonly errors: string;
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Program {
  readonly pid: number;
  /** The next line on stdout, or undefined at its end. Rejects after a minute. */
  line(): Promise<string | undefined>;
  /** Rejects after five minutes, or if the program has written to stderr and was not killed. */
  readonly ended: Promise<Ended>;
  /** Writes one line to its stdin. */
  tell(line: string): void;
  kill(signal?: NodeJS.Signals): void;
}

/** Runs a file in a process of its own. `before`: a tool that starts it, such as strace, with its arguments. */
export function startProgram(file: URL, args: readonly string[], before: readonly string[] = []): Program {
  const name = fileURLToPath(file);
  return startCommand([...before, process.execPath, name, ...args], { name });
}

/** Runs `programs/NAME.ts` beside a module in a process of its own, with these arguments, and `before` as for {@link startProgram}. */
export function programsBeside(module: string) {
  return (name: string, args: readonly (string | number)[], before?: readonly string[]): Program =>
    startProgram(new URL(`programs/${name}.ts`, module), args.map(String), before);
}

/** Runs a command in a process of its own. `name`: what errors call it. */
export function startCommand(
  [command = '', ...args]: readonly string[],
  { name, cwd }: { name: string; cwd?: URL },
): Program {
  const child = spawn(command, args, { cwd, env });
  running.add(child);
  // The program may end before it has read its input.
  child.stdin.on('error', () => {});
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const lines: string[] = [];
  const waiting: ((line: string | undefined) => void)[] = [];
  let open = true;
  createInterface({ input: child.stdout })
    .on('line', (line) => {
      const next = waiting.shift();
      if (next) next(line);
      else lines.push(line);
    })
    .on('close', () => {
      open = false;
      for (const next of waiting.splice(0)) next(undefined);
    });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(child);
      if (errors && signal === null) reject(new Error(`${name} wrote to stderr:\n${errors}`));
      else resolve({ output: lines.join('\n'), errors, code, signal });
    });
  });
  const limited = within(`the end of ${name}`, ended, 300_000);
  limited.catch(() => {});
  return {
    pid: child.pid ?? -1,
    line: async () => {
      const line = lines.shift();
      if (line !== undefined || !open) return line;
      return within(`a line of ${name}; stderr: ${errors}`, new Promise((resolve) => waiting.push(resolve)), 60_000);
    },
    ended: limited,
    tell: (line) => child.stdin.write(`${line}\n`),
    kill: (signal = 'SIGKILL') => child.kill(signal),
  };
}
