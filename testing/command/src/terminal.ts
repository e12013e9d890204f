import { stripVTControlCharacters } from 'node:util';
import type { IPty } from '@lydell/node-pty';
import type { CliHome } from './cli-home.ts';
import { bin, commandNode } from './run-command.ts';

/** A program in a pseudo terminal, as a user sees it. It is killed after half a minute. */
export interface Terminal extends Disposable {
  /** Everything that the terminal has got, from stdout and stderr, with control sequences. */
  readonly output: string;
  /**
   * Resolves with the match as soon as the output matches; control sequences do not count. Rejects if the program ends first, and
   * after 15 s. `from`: look only at the output from this index on.
   */
  shows(pattern: RegExp, from?: number): Promise<RegExpMatchArray>;
  type(text: string): void;
  readonly ended: Promise<{ status: number; signal: number | undefined }>;
}

interface TerminalOptions {
  env: NodeJS.ProcessEnv;
  /** Default 100. */
  cols?: number;
  /** Default 40. */
  rows?: number;
  cwd?: string;
}

type OpenTerminal = (file: string, args: string[], options: TerminalOptions) => Terminal;

/** Starts a program in a terminal. Undefined if there is no pseudo terminal for this platform. */
export const openTerminal: OpenTerminal | undefined = await loadTerminal();

export const noTerminal = 'skipped: a pseudo terminal needs @lydell/node-pty, which has nothing for this platform';

async function loadTerminal(): Promise<OpenTerminal | undefined> {
  // The console of Windows draws the screen anew in its own way, and has no signals.
  if (process.platform === 'win32') return undefined;
  try {
    const { spawn } = await import('@lydell/node-pty');
    return (file, args, { env, cols = 100, rows = 40, cwd }) =>
      watch(spawn(file, args, { env, cols, rows, name: env.TERM ?? 'xterm-256color', ...(cwd && { cwd }) }));
  } catch {
    return undefined;
  }
}

function watch(pty: IPty): Terminal {
  let output = '';
  const listeners = new Set<() => void>();
  const timer = setTimeout(() => pty.kill('SIGKILL'), 30_000);
  const ended = new Promise<{ status: number; signal: number | undefined }>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      clearTimeout(timer);
      resolve({ status: exitCode, signal });
    });
  });
  pty.onData((data) => {
    output += data;
    for (const listener of listeners) listener();
  });
  return {
    get output() {
      return output;
    },
    ended,
    type: (text) => pty.write(text),
    [Symbol.dispose]: () => pty.kill('SIGKILL'),
    shows: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => reject(new Error(`${why} without showing ${pattern}: ${output}`));
        const late = setTimeout(() => fail('15 s passed'), 15_000);
        const look = (): void => {
          const found = stripVTControlCharacters(output.slice(from)).match(pattern);
          if (!found) return;
          clearTimeout(late);
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        void ended.then(() => {
          clearTimeout(late);
          look();
          fail('it ended');
        });
        look();
      }),
  };
}

/** Runs the command in a terminal, in the environment of a home. */
export function sit(home: CliHome, args: readonly string[], env: NodeJS.ProcessEnv = {}, cols = 100): Terminal {
  if (!openTerminal) throw new Error(noTerminal);
  return openTerminal(commandNode, [bin, ...args], { env: { ...home.env, ...env }, cols });
}
