import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { type TargetName, targets } from './targets.ts';

/** A deliberate defect: in every source whose name ends so, one piece of text becomes another. */
export interface Defect {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface FuzzOptions {
  readonly target: TargetName;
  /** Repeats a run, as long as the sources are the same. */
  readonly seed: number;
  /** How long to search. */
  readonly seconds: number;
  /** How many inputs are enough, even if there is time left. Default: there are never enough. */
  readonly inputs?: number;
  readonly defect?: Defect;
}

export interface FuzzResult {
  /** What was found: the error and the input that leads to it. undefined: nothing. */
  readonly failure: string | undefined;
  readonly runs: number;
  /** How many places of the code were reached. */
  readonly coverage: number;
}

/** What the fuzzer may take longer than it was told. */
const graceMs = 60_000;

/** Builds the target as one file, which jazzer.js instruments, and searches for an input that breaks a rule. */
export async function fuzz({ target, seed, seconds, inputs = -1, defect }: FuzzOptions): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    const file = join(folder, 'target.mjs');
    await bundle(target, file, defect);
    const { seeds, words } = targets[target];
    mkdirSync(join(folder, 'corpus'));
    for (const [index, text] of seeds.entries()) writeFileSync(join(folder, 'corpus', `${index}`), text, 'latin1');
    writeFileSync(join(folder, 'words'), words.map((word) => `"${quote(word)}"\n`).join(''));
    const options = [
      `-seed=${seed}`,
      `-max_total_time=${seconds}`,
      `-runs=${inputs}`,
      '-dict=words',
      '-max_len=2000',
      '-print_final_stats=1',
    ];
    const output = await run(
      [jazzer(), './target.mjs', 'corpus', '-i', 'target.mjs', '--', ...options],
      folder,
      seconds,
    );
    const crash = readdirSync(folder).find((name) => /^(crash|timeout|oom)-/.test(name));
    const input = crash && JSON.stringify(readFileSync(join(folder, crash), 'latin1'));
    const error = /^.*Uncaught Exception: (.*)$/m.exec(output)?.[1] ?? crash;
    return {
      failure: crash && `${error}\n  input: ${input}\n  seed: ${seed}`,
      runs: lastNumber(output, /^#(\d+)/gm),
      coverage: lastNumber(output, /cov: (\d+)/g),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bundle(target: TargetName, file: string, defect: Defect | undefined): Promise<void> {
  let planted = defect === undefined;
  const plant = {
    name: 'plant',
    transform(code: string, id: string): string | undefined {
      if (!defect || !id.endsWith(defect.file)) return undefined;
      if (!code.includes(defect.find))
        throw new Error(`${defect.file} has no text ${JSON.stringify(defect.find)} any more`);
      planted = true;
      return code.replace(defect.find, () => defect.replace);
    },
  };
  const input = fileURLToPath(new URL(`targets/${target}.ts`, import.meta.url));
  const build = await rolldown({ input, platform: 'node', external: ['undici', 'open'], plugins: [plant] });
  await build.write({ file, format: 'esm', codeSplitting: false });
  await build.close();
  if (!planted) throw new Error(`${target} does not use ${defect?.file}`);
}

function jazzer(): string {
  const require = createRequire(import.meta.url);
  return join(require.resolve('@jazzer.js/core'), '..', 'cli.js');
}

async function run(args: readonly string[], cwd: string, seconds: number): Promise<string> {
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: seconds * 1000 + graceMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const status = await new Promise((resolve, reject) =>
    child.on('error', reject).on('close', (code, signal) => resolve(signal ?? code)),
  );
  // 77: libFuzzer found something.
  if (status !== 0 && status !== 77) throw new Error(`jazzer.js ended with ${status}:\n${output}`);
  return output;
}

function quote(word: string): string {
  return word.replace(/[^ -~]|["\\]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function lastNumber(output: string, pattern: RegExp): number {
  return Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
}
