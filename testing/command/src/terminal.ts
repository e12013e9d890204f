import { stripVTControlCharacters } from 'node:util';
import type { IPty } from '@lydell/node-pty';
import { endOfCall } from './call-command.ts';
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
  readonly ended: Promise<TerminalEnd>;
}

interface TerminalEnd {
  status: number;
  signal: number | undefined;
}

interface TerminalOptions {
  env: NodeJS.ProcessEnv;
  /** Default 100. */
  cols?: number;
  /** Default 40. */
  rows?: number;
  cwd?: string;
}

type OpenPty = (file: string, args: string[], options: TerminalOptions) => IPty;

const openPty = await loadPty();

/** Starts a program in a terminal. Undefined if there is no pseudo terminal for this platform. */
export const openTerminal = openPty && ((...started: Parameters<OpenPty>) => watch(openPty(...started)));

export const noTerminal = 'skipped: a pseudo terminal needs @lydell/node-pty, which has nothing for this platform';

async function loadPty(): Promise<OpenPty | undefined> {
  // The console of Windows draws the screen anew in its own way, and has no signals.
  if (process.platform === 'win32') return undefined;
  try {
    const { spawn } = await import('@lydell/node-pty');
    return (file, args, { env, cols = 100, rows = 40, cwd }) =>
      spawn(file, args, { env, cols, rows, name: env.TERM ?? 'xterm-256color', ...(cwd && { cwd }) });
  } catch {
    return undefined;
  }
}

function endOf(pty: IPty): Promise<TerminalEnd> {
  return new Promise((resolve) => pty.onExit(({ exitCode, signal }) => resolve({ status: exitCode, signal })));
}

function watch(pty: IPty, ended = endOf(pty)): Terminal {
  let output = '';
  const listeners = new Set<() => void>();
  const timer = setTimeout(() => pty.kill('SIGKILL'), 30_000);
  pty.onExit(() => clearTimeout(timer));
  pty.onData((data) => {
    output += data.replace(endOfCall, '');
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
        const stop = (): void => {
          clearTimeout(late);
          look();
          fail('it ended');
        };
        void ended.then(stop, stop);
        look();
      }),
  };
}

/**
 * Runs the command in this process, but on a terminal, in the environment of a home. That takes a tenth of the processor time of a
 * process. Ctrl-C is only seen if the command reads its input key by key: no signal of the terminal reaches this process.
 */
export function callOnTerminal(
  home: CliHome,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cols = 100,
): Terminal {
  if (!openPty) throw new Error(noTerminal);
  if (commandNode !== process.execPath) return sit(home, args, env, cols);
  // It has a session and the terminal as its own, and keeps it open.
  const pty = openPty('sleep', ['60'], { env: home.env, cols });
  const { ptsName: terminal } = pty as IPty & { ptsName: string };
  const isRead = new Promise<void>((resolve) => pty.onData((data) => data.includes(endOfCall) && resolve()));
  const call = async (): Promise<TerminalEnd> => {
    try {
      const { status } = await home.begin(args, { env: { TERM: 'xterm-256color', ...env }, terminal }).ended;
      await isRead;
      return { status: status ?? 1, signal: undefined };
    } finally {
      pty.kill('SIGKILL');
    }
  };
  const ended = call();
  // A test that fails earlier does not wait for it.
  ended.catch(() => {});
  return watch(pty, ended);
}

/** Runs the command in a process and a terminal of its own, in the environment of a home. */
export function sit(home: CliHome, args: readonly string[], env: NodeJS.ProcessEnv = {}, cols = 100): Terminal {
  if (!openTerminal) throw new Error(noTerminal);
  return openTerminal(commandNode, [bin, ...args], { env: { ...home.env, ...env }, cols });
}
