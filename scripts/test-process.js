/**
 * Preloaded into the process of each test file: it runs in the folder of its package, finds the programs that the package depends on, and
 * has a deadline. What it starts knows nothing of the runner.
 */
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import './compile-cache.js';

const deadlineMs = process.env.TEST_DEADLINE_MS;
// Without it, this is a process that a test file has forked, and Node has handed on the arguments.
if (deadlineMs !== undefined) prepare(Number(deadlineMs));

function prepare(deadlineMs) {
  let folder = dirname(process.argv[1]);
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  process.chdir(folder);
  const bins = [folder, join(import.meta.dirname, '..')].map((at) => join(at, 'node_modules/.bin'));
  process.env.PATH = [...bins, process.env.PATH].join(delimiter);
  process.env.FORCE_COLOR = '0';
  for (const name of ['NODE_TEST_CONTEXT', 'TEST_DEADLINE_MS']) delete process.env[name];

  // Node's runner has no deadline for a file. What listens to the exit ends what it has started, and the end of the run ends the rest.
  const end = setTimeout(() => {
    console.error(`no end in ${deadlineMs / 1000} s`);
    process.exit(1);
  }, deadlineMs);
  end.unref();
}
