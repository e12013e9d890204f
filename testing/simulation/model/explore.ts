import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How large the world is, unless a call of explore() says otherwise. */
const sizes = { PROCESSES: 2, EXPIRIES: 0, SIGN_OUTS: 0, CRASHES: 0, LOST_ANSWERS: 0, PAUSES: 0 };

const stepLimitMs = 240_000;

export interface Exploration {
  /** What SPIN found: the broken assertion, or a process that cannot go on. undefined: nothing. */
  readonly failure: string | undefined;
  /** How many different states were seen. */
  readonly states: number;
  /** The steps that lead to the failure; '' if there is none. */
  readonly trail: string;
}

/** What is missing on this machine, or undefined. */
export function missingTool(): string | undefined {
  return ['spin', 'gcc'].find((tool) => spawnSync(tool, ['--version']).error !== undefined);
}

/** The models, by the names of their files. */
type Model = 'shared-token' | 'socket-queue';

/**
 * Looks at every order of steps in one world. `world` is as in the model's head: 'STRICT LEASE CRASHES=1'.
 * Throws an Error if SPIN or the compiler fails, or if the search was not complete.
 */
export function explore(world: string, name: Model = 'shared-token'): Exploration {
  const model = fileURLToPath(new URL(`${name}.pml`, import.meta.url));
  const macros = Object.entries(sizes).filter(([name]) => !new RegExp(`\\b${name}=`).test(world));
  const options = [
    ...macros.map(([name, value]) => `-D${name}=${value}`),
    ...world.split(' ').map((word) => `-D${word}`),
  ];
  const folder = mkdtempSync(join(tmpdir(), 'model-'));
  const run = (command: string, ...args: string[]): string => {
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: stepLimitMs,
      killSignal: 'SIGKILL',
      maxBuffer: 100_000_000,
    });
    if (error || status !== 0) throw new Error(`${command} failed (${status}): ${error ?? `${stdout}${stderr}`}`);
    return stdout;
  };
  try {
    run('spin', ...options, '-a', model);
    // -O0: with -O1 the compiler takes longer than it saves the search. SAFETY: no cycles are looked for, only broken assertions and
    // processes that are stuck. NOCOMP: states are stored as they are. That is twice as fast, and a million of them fit into 200 MB.
    run('gcc', '-O0', '-w', '-DSAFETY', '-DNOCOMP', '-o', 'pan', 'pan.c');
    const found = run('./pan', '-m10000', '-w22');
    if (/max search depth too small|out of memory/.test(found)) throw new Error(`The search is not complete: ${found}`);
    const failure = /^pan:1: (.*)$/m.exec(found)?.[1];
    const states = Number(/(\d+) states, stored/.exec(found)?.[1]);
    const trail = failure
      ? run('spin', '-t', '-p', '-g', '-l', '-k', trailFile(found) ?? `${name}.pml.trail`, ...options, model)
      : '';
    return { failure, states, trail };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function trailFile(found: string): string | undefined {
  return /wrote (\S+\.trail)/.exec(found)?.[1];
}

if (import.meta.main) {
  const { failure, states, trail } = explore(process.argv[2] ?? 'STRICT', process.argv[3] as Model);
  console.log(trail);
  console.log(failure ?? `Nothing was found in ${states} states.`);
}
