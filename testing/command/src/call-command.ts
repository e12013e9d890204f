import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type Duplex, PassThrough, Writable } from 'node:stream';
import tty from 'node:tty';
import { pathToFileURL } from 'node:url';
import { bin, type Ended, type ProcessOptions, saysIn } from './run-command.ts';

/** A command line that runs in this process. */
export interface Called {
  readonly ended: Promise<Ended>;
  /** For `stdin: 'open'`. */
  readonly stdin: Writable | null;
  /** Resolves with the match as soon as stderr matches. Rejects if the command ends first. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
}

export interface CallOptions extends ProcessOptions {
  /** The device of a terminal that the call has, instead of streams. */
  readonly terminal?: string | undefined;
}

/** What a call on a terminal writes at last, so that the reader of the terminal knows that it has read all. */
export const endOfCall = '\0';

type Start = (args: readonly string[]) => Promise<number>;

/** What Node reads at its own start, so that a variable in this process would come too late. */
const variablesOfNode = ['NODE_OPTIONS', 'NODE_DEBUG', 'NODE_EXTRA_CA_CERTS', 'NODE_USE_ENV_PROXY', 'NODE_V8_COVERAGE'];
/** A process on Windows has these even if its environment is given without them. The last is wine's, which takes the user's name from it. */
const variablesOfWindows = [
  'HOMEDRIVE',
  'HOMEPATH',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
  'WINEUSERNAME',
];
const start = pathToFileURL(join(bin, '../../dist/start.js')).href;
const streams = (['stdin', 'stdout', 'stderr'] as const).map(
  (name) => [name, Object.getOwnPropertyDescriptor(process, name) as PropertyDescriptor] as const,
);
let last: Promise<unknown> = Promise.resolve();
/** What a call has begun may write later, for example when its browser ends. It must not get among the lines of the next call. */
const outputs = new AsyncLocalStorage<Output>();
/** The output of the call that runs, for what the test itself sets off in it. */
let current: Output | undefined;
redirectDescriptors();
keepDerivedKeys();

/**
 * Runs the built command in this process: all that `bin` starts, without a new Node, which takes most of the processor time of a
 * command. For what a command says and does. How it starts, ends, takes signals and shares with other processes needs a process.
 *
 * The environment, the working directory and the streams belong to the whole process, so one call runs after the other. A program that
 * `exec` starts has the streams of the test.
 */
export function callCommand(args: readonly string[], options: CallOptions): Called {
  const name = variablesOfNode.find((variable) => options.env[variable] !== undefined);
  if (name) throw new Error(`${name} needs a process: use run()`);
  const output = new Output(options.terminal);
  const stdin = new PassThrough();
  if (options.stdin !== 'open') stdin.end(options.stdin);
  const begin = (): Promise<Ended> => call(args, options, stdin, output);
  const ended = last.then(begin, begin);
  last = ended;
  return { ended, stdin, says: saysIn(output.stderr, ended, () => output.text('stderr')) };
}

/** All that a call has written. */
class Output {
  readonly stderr = new PassThrough();
  /** The descriptor of the terminal, if the call has one. */
  readonly terminal: number | undefined;
  readonly #bytes: Record<'stdout' | 'stderr', Uint8Array[]> = { stdout: [], stderr: [] };
  #isClosed = false;

  constructor(terminal: string | undefined) {
    // Not as the terminal of this process, or its keys would send signals to the tests.
    const { O_RDWR, O_NOCTTY } = fs.constants;
    this.terminal = terminal === undefined ? undefined : fs.openSync(terminal, O_RDWR | O_NOCTTY);
  }

  add(name: 'stdout' | 'stderr', data: Uint8Array): number {
    if (this.#isClosed) return data.length;
    if (this.terminal !== undefined) return fs.writeSync(this.terminal, data);
    const copy = Buffer.from(data);
    this.#bytes[name].push(copy);
    if (name === 'stderr') this.stderr.write(copy);
    return copy.length;
  }

  /** The command has ended. A process would write nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.stderr.end();
    if (this.terminal === undefined) return;
    fs.writeSync(this.terminal, endOfCall);
    fs.closeSync(this.terminal);
  }

  text(name: 'stdout' | 'stderr'): string {
    return Buffer.concat(this.#bytes[name]).toString();
  }
}

async function call(
  args: readonly string[],
  { env, cwd = process.cwd(), timeout = 30_000 }: CallOptions,
  stdin: PassThrough,
  output: Output,
): Promise<Ended> {
  const command = (await import(start)) as { start: Start };
  const before = { env: { ...process.env }, cwd: process.cwd() };
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`${args.join(' ')}: still running after ${timeout} ms: ${output.text('stderr')}`));
    process.emit('SIGTERM', 'SIGTERM');
  }, timeout);
  setEnvironment(env);
  process.chdir(cwd);
  const replacements = output.terminal === undefined ? pipes(stdin, output) : ofTerminal(output.terminal);
  redirectStreams(replacements);
  current = output;
  try {
    const status = await Promise.race([outputs.run(output, () => command.start(args)), late.promise]);
    return { status, signal: null, stdout: output.text('stdout'), stderr: output.text('stderr') };
  } finally {
    clearTimeout(timer);
    current = undefined;
    restoreStreams();
    process.chdir(before.cwd);
    setEnvironment(before.env);
    output.close();
    for (const [name] of streams) replacements[name].destroy();
  }
}

/** In place, because Node and libraries in C read the variables of the process itself. */
function setEnvironment(env: NodeJS.ProcessEnv): void {
  const kept = process.platform === 'win32' ? variablesOfWindows : [];
  for (const name of Object.keys(process.env)) {
    if (env[name] === undefined && !kept.includes(name.toUpperCase())) delete process.env[name];
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && process.env[name] !== value) process.env[name] = value;
  }
}

type Streams = Record<(typeof streams)[number][0], Duplex | Writable>;

function ofTerminal(descriptor: number): Streams {
  const [stdout, stderr] = [new tty.WriteStream(descriptor), new tty.WriteStream(descriptor)];
  return { stdin: new tty.ReadStream(descriptor), stdout, stderr };
}

function pipes(stdin: PassThrough, output: Output): Streams {
  const writable = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        output.add(name, chunk);
        done();
      },
    });
  return { stdin, stdout: writable('stdout'), stderr: writable('stderr') };
}

function redirectStreams(replacements: Streams): void {
  for (const [name] of streams) Object.defineProperty(process, name, { value: replacements[name], configurable: true });
}

function restoreStreams(): void {
  for (const [name, descriptor] of streams) Object.defineProperty(process, name, descriptor);
}

/** A command writes to the descriptors, and asks whether they are a terminal. */
function redirectDescriptors(): void {
  const { write, writeSync } = fs;
  const take = (descriptor: number, data: Uint8Array): number | undefined => {
    const name = descriptor === 1 ? 'stdout' : descriptor === 2 ? 'stderr' : undefined;
    return name && (outputs.getStore() ?? current)?.add(name, data);
  };
  fs.writeSync = ((descriptor: number, data: Uint8Array, ...rest: never[]) =>
    take(descriptor, data) ?? writeSync(descriptor, data, ...rest)) as typeof writeSync;
  fs.write = ((descriptor: number, data: Uint8Array, ...rest: never[]) => {
    const taken = take(descriptor, data);
    if (taken === undefined) (write as (...args: unknown[]) => void)(descriptor, data, ...rest);
    else process.nextTick(rest.at(-1) as unknown as () => void, null, taken);
  }) as typeof write;
  const { isatty } = tty;
  tty.isatty = (descriptor) => {
    const output = outputs.getStore() ?? current;
    return output ? output.terminal !== undefined && descriptor < 3 : isatty(descriptor);
  };
  syncBuiltinESMExports();
}

/** A process derives its key by a third of a second's work. The calls of one process need not repeat it. */
function keepDerivedKeys(): void {
  const crypto = process.getBuiltinModule('node:crypto');
  const { scryptSync } = crypto;
  const kept = new Map<string, Buffer>();
  crypto.scryptSync = ((...args: Parameters<typeof scryptSync>) => {
    const id = JSON.stringify(args);
    const key = kept.get(id) ?? scryptSync(...args);
    kept.set(id, key);
    return Buffer.from(key);
  }) as typeof scryptSync;
}
