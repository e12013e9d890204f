import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { within } from 'testing-authority/within';

export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** The next line that the program prints. */
  nextLine(): Promise<string>;
  /** Resolves when the program has ended. */
  readonly ended: Promise<{ status: number | null; stderr: string }>;
  /** Whether it still runs. */
  readonly runs: boolean;
}

export interface ProgramOptions {
  nodeOptions?: string[];
  /** A command that runs the command after it, for example `unshare --net`. */
  within?: string[];
}

/**
 * Starts Node with the source of a module that has `openAcceptor`. For questions that only a process can answer: what keeps
 * it alive, what ends it, how much memory it needs.
 */
export function runProgram(source: string, options?: ProgramOptions): Program {
  const acceptor = JSON.stringify(new URL('../src/index.ts', import.meta.url));
  return runModule(`import { openAcceptor } from ${acceptor};\n${source}`, options);
}

/** Starts Node with the source of a module, which may import the packages of this one. */
export function runModule(source: string, { nodeOptions = [], within: shell = [] }: ProgramOptions = {}): Program {
  const node = [process.execPath, ...nodeOptions, '--input-type=module-typescript', '--eval', source];
  const [command = '', ...args] = [...shell, ...node];
  const child = spawn(command, args, {
    cwd: new URL('..', import.meta.url),
    stdio: ['ignore', 'pipe', 'pipe'],
    // Without it, a start from TypeScript takes three times as long.
    env: { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  let runs = true;
  const ended = new Promise<{ status: number | null; stderr: string }>((resolve) => {
    child.on('exit', () => {
      runs = false;
    });
    child.on('close', (status) => resolve({ status, stderr }));
  });
  return {
    pid: child.pid ?? 0,
    nextLine: async () => (await within('a line of the program', lines.next())).value ?? '',
    ended,
    get runs() {
      return runs;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
