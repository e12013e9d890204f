import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from './within.ts';

// Without it, a start from TypeScript takes three times as long.
const inherited = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };

const running = new Set<ChildProcess>();
process.once('exit', killPrograms);

/** Ends all programs that still run: a test that failed leaves them, and they would keep the process alive. */
export function killPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

export interface Program {
  readonly pid: number;
  /** The next line on stdout, or undefined at its end. Rejects after a minute. */
  line(): Promise<string | undefined>;
  /** How the process ended, with all on stderr. Rejects after two minutes. */
  readonly ended: Promise<{ code: number | null; signal: string | null; errors: string }>;
  /** One line for its stdin. */
  tell(line: string): void;
  kill(signal?: NodeJS.Signals): void;
}

/** Runs `test/programs/NAME.ts` in a process of its own, with one argument as JSON. `prefix`: a command that starts it on another host. */
export function startProgram(name: string, argument: unknown, prefix: readonly string[] = []): Program {
  const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
  const [command = '', ...args] = [...prefix, process.execPath, file, JSON.stringify(argument)];
  const child = spawn(command, args, { env: inherited });
  running.add(child);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.on('error', () => {});
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
  const ended = new Promise<{ code: number | null; signal: string | null; errors: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, errors });
    });
  });
  const limited = within(120_000, `the end of ${name}`, ended);
  limited.catch(() => {});
  return {
    pid: child.pid ?? -1,
    line: async () => {
      const line = lines.shift();
      if (line !== undefined || !open) return line;
      return within(60_000, `a line of ${name}; stderr: ${errors}`, new Promise((resolve) => waiting.push(resolve)));
    },
    ended: limited,
    tell: (line) => child.stdin.write(`${line}\n`),
    kill: (signal = 'SIGKILL') => child.kill(signal),
  };
}
