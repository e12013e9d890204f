import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { scriptPath } from './build-programs.ts';
import { measuredEnvironment } from './measured-environment.ts';
import { type Sample, summarize } from './sample.ts';

/** A program that starts, prints something and ends. */
export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Called before each run. Its time does not count. */
  readonly prepare?: () => void;
  /** Whether it prints a token, which is long. Default true. */
  readonly printsToken?: boolean;
}

export interface Timing {
  /** From the start of the process to its end, in milliseconds. */
  readonly wall: Sample;
  /** The same, divided by the time of the first command in the same round. */
  readonly ratio: Sample;
  /** Milliseconds more than the first command in the same round. */
  readonly over: Sample;
  /** Milliseconds of processor time, user and system. */
  readonly cpu: Sample;
  /** The highest resident size, in bytes. */
  readonly memory: Sample;
}

/**
 * Runs the commands in turn, in rounds: A B C, B C A, …. So a change of the machine's speed affects all of them. Processor time and
 * memory are measured in rounds of their own, because that measurement takes time.
 */
export async function timeInTurn(
  commands: readonly Command[],
  rounds: number,
  { asksUsage = true }: { asksUsage?: boolean } = {},
): Promise<Map<string, Timing>> {
  const walls = new Map<string, number[]>(commands.map(({ name }) => [name, []]));
  const usages = new Map<string, Usage[]>(commands.map(({ name }) => [name, []]));
  for (const command of commands) await runOnce(command);
  for (let round = 0; round < rounds; round++) {
    for (const command of rotated(commands, round)) walls.get(command.name)?.push((await runOnce(command)).wall);
    if (round % 3 > 0 || !asksUsage) continue;
    for (const command of rotated(commands, round)) {
      const { usage } = await runOnce(command, true);
      if (usage) usages.get(command.name)?.push(usage);
    }
  }
  const base = walls.get(commands[0]?.name ?? '') ?? [];
  const beside = (wall: readonly number[], compare: (value: number, base: number) => number): Sample =>
    summarize(wall.map((value, round) => compare(value, base[round] ?? Number.NaN)));
  return new Map(
    commands.map(({ name }) => {
      const [wall, usage] = [walls.get(name) ?? [], usages.get(name) ?? []];
      return [
        name,
        {
          wall: summarize(wall),
          ratio: beside(wall, (value, first) => value / first),
          over: beside(wall, (value, first) => value - first),
          cpu: summarize(usage.map(({ userCPUTime, systemCPUTime }) => (userCPUTime + systemCPUTime) / 1000)),
          memory: summarize(usage.map(({ most }) => most * 1024)),
        },
      ];
    }),
  );
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const cut = by % list.length;
  return [...list.slice(cut), ...list.slice(0, cut)];
}

/** The report of `report-usage.cjs` and of the Python program. */
interface Usage {
  /** Microseconds. */
  userCPUTime: number;
  systemCPUTime: number;
  /** Kilobytes. */
  most: number;
}

async function runOnce(command: Command, asksUsage = false): Promise<{ wall: number; usage?: Usage }> {
  const { argv, prepare, printsToken = true } = command;
  prepare?.();
  const [file = '', ...args] = argv;
  const usageEnv = { BENCH_USAGE: '1', NODE_OPTIONS: `--require=${scriptPath('report-usage.cjs')}` };
  const started = performance.now();
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe', ...(asksUsage ? (['pipe'] as const) : [])],
    cwd: import.meta.dirname,
    env: measuredEnvironment({ ...command.env, ...(asksUsage && usageEnv) }),
    timeout: 60_000,
  });
  let wall = 0;
  child.once('exit', () => {
    wall = performance.now() - started;
  });
  const texts = ['', '', '', ''];
  child.stdio.forEach((stream, index) => {
    stream?.on('data', (chunk: Buffer) => {
      texts[index] += chunk.toString();
    });
  });
  const [status] = await once(child, 'close');
  const [, stdout = '', stderr = '', usage = ''] = texts;
  if (status !== 0 || (printsToken && stdout.trim().length < 500)) {
    throw new Error(`${command.name} ended with ${status}: ${stdout.slice(0, 100)} ${stderr}`);
  }
  return { wall, ...(asksUsage && { usage: JSON.parse(usage) }) };
}
