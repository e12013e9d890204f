/**
 * Runs test files of one package one after the other: `test-process.js DEADLINE_MS MARK FILE…`. Prints MARK between two files.
 *
 * The files run in the folder of the package, with the programs of its dependencies in PATH. Each file has a deadline, ends when everything
 * that it started has ended, and must leave the process unchanged. Processes that a file starts do not see the runner.
 */
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import './compile-cache.js';

const [deadlineMs, mark, ...files] = process.argv.splice(2);
let folder = dirname(files[0]);
while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
process.chdir(folder);
const bins = [folder, join(import.meta.dirname, '..')].map((at) => join(at, 'node_modules/.bin'));
process.env.PATH = [...bins, process.env.PATH].join(delimiter);
process.env.FORCE_COLOR = '0';

// As with uvu's own runner, `test.run()` only adds to a queue.
globalThis.UVU_DEFER = true;
globalThis.UVU_QUEUE = [];
const { exec } = await import('uvu');

const end = setTimeout(() => {
  console.error(`no end in ${deadlineMs / 1000} s`);
  // Listeners of `exit` end what the tests have started. The end of the run kills the rest.
  process.exit(1);
}, deadlineMs);
end.unref();

for (const [index, file] of files.entries()) {
  if (index > 0) process.stdout.write(mark);
  end.refresh();
  globalThis.UVU_QUEUE = [[null]];
  const before = state();
  const running = resources();
  await import(pathToFileURL(file));
  // Stop: this file did not call `run()`, so its tests would run with those of the next file.
  if (globalThis.UVU_QUEUE[0].length === 1) break;
  await exec();
  while (resources() > running) await sleep(5);
  const after = state();
  const changed = Object.keys(before).filter((part) => !isDeepStrictEqual(after[part], before[part]));
  if (changed.length > 0) {
    console.error(`for the files that run after it in the same process, this one has changed: ${changed.join(', ')}`);
    process.exit(1);
  }
}

/** The number of active timers, servers and child processes. Node lists sockets and pipes even if nothing waits for them. */
function resources() {
  return process.getActiveResourcesInfo().filter((name) => !/Socket|Pipe/.test(name)).length;
}

/** The state that a test may change only for a while. */
function state() {
  const { env, platform, versions, stdout, stderr, kill, exit, emitWarning } = process;
  const signals = process.eventNames().filter((name) => /^SIG|warning|uncaught|unhandled/.test(String(name)));
  return {
    'process.cwd()': process.cwd(),
    'process.env': { ...env },
    'a function of process': [stdout.write, stderr.write, kill, exit, emitWarning],
    'a global function': [setTimeout, setInterval, fetch, Date, Date.now, Math.random, performance.now, console.log],
    'the platform or version of process': [platform, versions.node],
    'the listeners of process': signals.map((name) => [name, process.listenerCount(name)]),
  };
}
