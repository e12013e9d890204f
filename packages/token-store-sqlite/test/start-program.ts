import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// Without it, a start from TypeScript takes three times as long.
const env = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE };

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Program {
  readonly pid: number;
  /** The next line on stdout, or undefined at its end. Rejects after a minute. */
  line(): Promise<string | undefined>;
  /** Everything on stdout that `line` has not returned, and how the process ended. Rejects after five minutes. */
  readonly ended: Promise<{ output: string; code: number | null; signal: string | null }>;
  /** One line for its stdin. */
  tell(line: string): void;
  kill(signal?: NodeJS.Signals): void;
}

/**
 * Runs `test/programs/NAME.ts` in a process of its own. `before`: a tool that starts it, such as strace, with its
 * arguments.
 */
export function startProgram(name: string, args: readonly (string | number)[], before: string[] = []): Program {
  const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
  const [command = process.execPath, ...rest] = [...before, process.execPath, file, ...args.map(String)];
  const child = spawn(command, rest, { env });
  running.add(child);
  // It may end before it has read its input.
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
  const ended = new Promise<{ output: string; code: number | null; signal: string | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(child);
      if (errors && signal === null) reject(new Error(`${name} wrote to stderr:\n${errors}`));
      else resolve({ output: lines.join('\n'), code, signal });
    });
  });
  ended.catch(() => {});
  return {
    pid: child.pid ?? -1,
    line: () =>
      within(60_000, `a line of ${name}`, () => {
        const line = lines.shift();
        if (line !== undefined || !open) return Promise.resolve(line);
        return new Promise((resolve) => waiting.push(resolve));
      }),
    ended: within(300_000, `the end of ${name}`, () => ended),
    tell: (line) => child.stdin.write(`${line}\n`),
    kill: (signal = 'SIGKILL') => child.kill(signal),
  };
}

async function within<T>(milliseconds: number, what: string, wait: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([wait(), late]);
  } finally {
    clearTimeout(timer);
  }
}
