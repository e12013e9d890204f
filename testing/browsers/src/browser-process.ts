import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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

/** A process of a browser, which ends with the handle, or when this process ends. */
export interface BrowserProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it has written so far to its outputs. */
  output(): string;
}

/**
 * Starts a program of a browser. It stays in the process group of the test, so that the end of the test ends all that it has started.
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
  const kill = (): unknown => child.kill('SIGKILL');
  undo.add(kill);
  const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
  return {
    child,
    output: () => output,
    async [Symbol.asyncDispose]() {
      const timer = setTimeout(kill, endTimeoutMs);
      await (quit?.() ?? Promise.reject()).catch(() => child.kill());
      await ended;
      clearTimeout(timer);
      undo.delete(kill);
    },
  };
}
