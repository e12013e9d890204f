import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long a browser that was asked to end may take before it is killed. */
const endTimeoutMs = 10_000;

/** What has to be undone even if this process ends by an error: an `exit` listener can do it, because it needs no waiting. */
const undo = new Set<() => void>();
process.on('exit', () => {
  // The newest first: a process has to be gone before its folder is.
  for (const task of [...undo].reverse()) task();
});

/** A new folder for the profile of a browser. It is removed with the handle, or when this process ends. */
export function makeProfileFolder(): { folder: string } & AsyncDisposable {
  const folder = mkdtempSync(join(tmpdir(), 'browser-profile-'));
  // A process of the browser that is just ending may still write into it.
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  undo.add(remove);
  return {
    folder,
    async [Symbol.asyncDispose]() {
      remove();
      undo.delete(remove);
    },
  };
}

/** A process of a browser, which ends with the handle, or when this process ends, together with all that it has started. */
export interface BrowserProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it has written so far to its outputs. */
  output(): string;
}

/**
 * Starts a program of a browser. It stays in the process group of the test, so that what kills a hanging test kills it as well.
 * `quit` asks it to end; the default is SIGTERM.
 */
export function startBrowserProcess(
  file: string,
  args: readonly string[],
  { quit, ...options }: SpawnOptions & { quit?: () => Promise<unknown> } = {},
): BrowserProcess {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  // A program that cannot be started ends too, and `output` says why.
  child.on('error', (error) => {
    output += String(error);
  });
  const kill = (): void => killTree(child);
  undo.add(kill);
  return {
    child,
    output: () => output,
    async [Symbol.asyncDispose]() {
      const tree = child.pid === undefined ? [] : [child.pid, ...descendantsOf(child.pid)];
      if (isRunning(child)) {
        const ended = once(child, 'exit', { signal: AbortSignal.timeout(endTimeoutMs) }).catch(() => {});
        if (quit) await Promise.race([quit().catch(() => child.kill()), ended]);
        else child.kill();
        await ended;
      }
      // The first process may have left others behind.
      for (const pid of isRunning(child) ? tree : tree.slice(1)) killProcess(pid);
      if (isRunning(child)) await once(child, 'exit');
      undo.delete(kill);
    },
  };
}

/** Resolves with the first match in what the process writes. Rejects if the process ends before. */
export function waitForOutput(process: BrowserProcess, pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const { child } = process;
    const streams = [child.stdout, child.stderr, child];
    const look = (): void => {
      const match = pattern.exec(process.output());
      if (match) settle(() => resolve(match));
    };
    const fail = (why: string) => (): void =>
      settle(() => reject(new Error(`${child.spawnfile} ${why}: ${process.output().slice(-2_000)}`)));
    const ended = fail('ended too early');
    const timer = setTimeout(fail(`was not ready within ${timeoutMs / 1000} s`), timeoutMs);
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      for (const stream of streams) stream?.off('data', look).off('close', ended);
      how();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.on('close', ended);
    look();
  });
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Without waiting: kills a process that this one has started, and all its descendants, each by its id. */
function killTree(child: ChildProcess): void {
  if (child.pid === undefined || !isRunning(child)) return;
  const tree = [child.pid, ...descendantsOf(child.pid)];
  for (const pid of tree) killProcess(pid);
  const deadline = Date.now() + endTimeoutMs;
  while (tree.some(hasMemory) && Date.now() < deadline) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

/** Whether a process can still do something. One that has ended and waits for its parent has an id, but no memory. */
function hasMemory(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** The ids of all processes that a process has started, directly or not. Empty on a system without /proc. */
function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readProc()) {
    try {
      // The name in parentheses may contain spaces and parentheses.
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      parents.set(Number(name), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = new Set([pid]);
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const [id, parent] of parents) if (found.has(parent)) found.add(id);
  }
  found.delete(pid);
  return [...found];
}

function readProc(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
