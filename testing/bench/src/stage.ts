import { type ChildProcess, spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Authority, signInAs, startAuthority } from 'testing-authority';
import { pythonClass, type Subject } from './subjects.ts';

const deadlineMs = 120_000;

/** A line of JSON of a program: `run-program.ts` says what it means. */
interface Line {
  readonly open?: string;
  readonly token?: string;
  readonly failed?: string;
}

/** A program that was started. Its lines come in their order. */
export interface Running {
  readonly child: ChildProcess;
  next(): Promise<Line>;
}

/** The authority, and the folder for the tokens of all measured programs. */
export class Stage implements AsyncDisposable {
  readonly authority: Authority;
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));

  private constructor(authority: Authority) {
    this.authority = authority;
  }

  static async open(): Promise<Stage> {
    return new Stage(await startAuthority());
  }

  command(subject: Subject, mode: 'token' | 'token-when-told' | 'sign-in'): string[] {
    const { origin, url: authority, clientIdWithoutPkce, ...known } = this.authority;
    const clientId = subject === pythonClass ? clientIdWithoutPkce : known.clientId;
    return [...subject.command, mode, JSON.stringify({ origin, authority, clientId, folder: this.folder })];
  }

  start(command: readonly string[]): Running {
    const [file = '', ...args] = command;
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    const child = spawn(file, args, {
      stdio: [...stdio],
      cwd: import.meta.dirname,
      env: plainEnvironment(),
      timeout: deadlineMs,
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    return {
      child,
      async next() {
        const { value, done } = await lines.next();
        if (done) throw new Error(`${command.slice(0, 3).join(' ')} ended early`);
        return JSON.parse(value);
      },
    };
  }

  /** Signs in, and returns the milliseconds from the start of the process to its token, without those of the browser and the provider's pages. */
  async signIn(subject: Subject): Promise<number> {
    const started = performance.now();
    const program = this.start(this.command(subject, 'sign-in'));
    const { open = '' } = await program.next();
    const opened = performance.now();
    const port = new URL(new URL(open).searchParams.get('redirect_uri') ?? '').port;
    let redirected = Number.NaN;
    const watch = (message: unknown): void => {
      const { request } = message as { request: ClientRequest };
      if (String(request.getHeader('host')).endsWith(`:${port}`)) redirected = performance.now();
    };
    subscribe('http.client.request.start', watch);
    const page = signInAs(open);
    const { failed } = await program.next();
    const took = performance.now() - started - (redirected - opened);
    unsubscribe('http.client.request.start', watch);
    if (failed) throw new Error(`${subject.name} cannot sign in: ${failed}`);
    await page;
    await ended(program.child);
    return took;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.authority.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end and returns the milliseconds of that. Throws if it fails, or prints no token though it should. */
export async function timeRun(argv: readonly string[], env: NodeJS.ProcessEnv, printsToken: boolean): Promise<number> {
  const [file = '', ...args] = argv;
  const started = performance.now();
  const options = { cwd: import.meta.dirname, env: plainEnvironment(env), timeout: deadlineMs };
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  let [took, said] = [0, ''];
  child.once('exit', () => {
    took = performance.now() - started;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [status] = await once(child, 'close');
  if (status !== 0 || (printsToken && said.length < 500))
    throw new Error(`${argv.join(' ')} ended with ${status}: ${said}`);
  return took;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Only what a program needs: proxies, certificates, and settings of Node, npm and pnpm cost time. */
function plainEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const needed = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'XDG_RUNTIME_DIR'];
  return { ...Object.fromEntries(needed.map((name) => [name, process.env[name]])), ...more };
}
