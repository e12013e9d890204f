import { type Program, startCommand } from 'testing-authority/start-program';

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
export function runModule(source: string, { nodeOptions = [], within: before = [] }: ProgramOptions = {}): Program {
  const node = [process.execPath, ...nodeOptions, '--input-type=module-typescript', '--eval', source];
  return startCommand([...before, ...node], { name: 'the program', cwd: new URL('..', import.meta.url) });
}
