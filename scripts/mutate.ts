/**
 * Shows what the tests of a package do not notice: makes small defects in its sources, one at a time, and runs its short tests.
 *
 *   pnpm mutate PACKAGE [--seed N] [--sample K] [--only PART]
 *
 * PACKAGE is a folder of `packages/`. The seed (default: a random one) chooses K defects (default 25) among those that compile and, with
 * `--only`, whose printed line contains PART. Prints each defect that survives, and at last how many were killed: by a test that fails, or
 * by tests that take three times as long as without a defect. Prints to stderr what killed the others. All this happens in a copy of the
 * repository, in the temporary folder.
 *
 * Tests need not repeat sentences, so a text with spaces is not changed. A condition that chooses between two texts is changed, because it
 * decides what is said.
 *
 * A defect that changes no behaviour is listed in `mutate-equivalents.txt`, as printed but without its line number, with the reason:
 * `FILE OPERATOR: BEFORE → AFTER  # REASON`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { findMutants, type Mutant } from './mutants.ts';

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string' },
    sample: { type: 'string', default: '25' },
    only: { type: 'string', default: '' },
  },
  allowPositionals: true,
});
const root = process.cwd();
const [name = ''] = positionals;
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const sample = Number(values.sample);
if (positionals.length !== 1 || !fs.existsSync(join('packages', name, 'package.json')) || !(seed >= 0 && sample > 0)) {
  console.error('usage, in the root of the repository: mutate PACKAGE [--seed N] [--sample K] [--only PART]');
  process.exit(2);
}

/** Tests in other folders that belong to a package. They run after its own tests. */
const elsewhere: Partial<Record<string, string>> = { 'shared-token': 'testing/simulation/test/schedules.test.ts' };

const base = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'mutate-'));
const copy = join(base, 'copy');
const temporary = join(base, 'tmp');
const folder = `packages/${name}`;
const late = 'the deadline';
const refused = 'the compiler';
/** How long a measured deadline is used. */
const measureAfterMs = 60_000;
let measuredAt = 0;
let running: ChildProcess | undefined;
process.once('exit', () => {
  // The test runner ends all that it has started.
  running?.kill('SIGTERM');
  // A test that was killed leaves its small disk mounted.
  const mounts = fs.existsSync('/proc/mounts') ? fs.readFileSync('/proc/mounts', 'utf8') : '';
  for (const [, path = ''] of mounts.matchAll(/^\S+ (\S+)/gm)) if (path.startsWith(base)) spawnSync('umount', [path]);
  fs.rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
makeCopy();
await run();

async function run(): Promise<void> {
  const mutants = findMutants(copy, join(copy, folder, 'tsconfig.build.json'));
  const equivalents = readEquivalents(mutants);
  console.log(`${name}: ${mutants.length} mutants, seed ${seed}`);
  const tests = fs.globSync(`${folder}/test/**/*.test.ts`, { cwd: copy }).map((path) => path.replaceAll('\\', '/'));
  let deadlineMs = await measureDeadline(tests);
  const kills = new Map<string, number>();
  let [killed, judged, equivalent] = [0, 0, 0];
  for (const mutant of shuffle(mutants.filter(({ name }) => name.includes(values.only)))) {
    if (judged === sample) break;
    if (equivalents.has(mutant.name)) {
      equivalent++;
      continue;
    }
    const ordered = order(tests, mutant, kills);
    let killer = await tryMutant(mutant, ordered, deadlineMs);
    if (killer?.startsWith(late)) {
      // The machine may have become busier, or was busy for a moment.
      if (performance.now() > measuredAt + measureAfterMs) deadlineMs = await measureDeadline(tests);
      killer = await tryMutant(mutant, ordered, deadlineMs);
    }
    if (killer === refused) continue;
    judged++;
    const labelled = mutant.name.replace(' ', `:${mutant.line} `);
    if (killer) killed++;
    else console.log(labelled);
    // Shows progress, and whether one unstable test kills all mutants.
    if (killer) console.error(`killed by ${killer}: ${labelled}`);
    for (const key of [`${killer}`, `${killer} ${mutant.file}`]) kills.set(key, (kills.get(key) ?? 0) + 1);
  }
  const percent = Math.floor((100 * killed) / Math.max(judged, 1));
  console.log(`${name}: ${killed} of ${judged} killed (${percent} %), seed ${seed}, ${equivalent} equivalent`);
}

/** Measures the build and the tests without a defect; returns three times as long, and at least 10 s. */
async function measureDeadline(tests: readonly string[]): Promise<number> {
  const started = performance.now();
  const failed = (await runScript('build', folder, [], 600_000)) ?? (await test(tests, 600_000));
  if (failed) {
    console.log(`without a defect, this fails: ${failed}`);
    process.exit(1);
  }
  measuredAt = performance.now();
  return Math.max(3 * (measuredAt - started), 10_000);
}

/** Returns what killed the mutant, or `refused` if it does not compile. */
async function tryMutant(mutant: Mutant, tests: readonly string[], deadlineMs: number): Promise<string | undefined> {
  const file = join(copy, mutant.file);
  const text = fs.readFileSync(file);
  fs.writeFileSync(file, mutant.text);
  const failed = await runScript('build', folder, [], deadlineMs);
  const killer = failed ? refused : await test(tests, deadlineMs);
  fs.writeFileSync(file, text);
  return killer;
}

function readEquivalents(mutants: readonly Mutant[]): Set<string> {
  const file = join(copy, 'scripts/mutate-equivalents.txt');
  const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : [];
  const existing = new Set(mutants.map(({ name }) => name));
  const listed = new Set<string>();
  for (const line of lines.filter((line) => line.startsWith(`${folder}/`))) {
    const [, mutant = '', reason] = /^(.*?)(?: {2}# (.+))?$/.exec(line) ?? [];
    if (!reason) throw new Error(`mutate-equivalents.txt: a line has no reason: ${line}`);
    if (!existing.has(mutant)) console.log(`mutate-equivalents.txt: the sources do not have this any more: ${mutant}`);
    listed.add(mutant);
  }
  return listed;
}

/** Sorts by the seed and the name alone, so that a change elsewhere leaves the sample as it is. */
function shuffle(mutants: readonly Mutant[]): Mutant[] {
  const seen = new Map<string, number>();
  const keyed = mutants.map((mutant) => {
    const count = (seen.get(mutant.name) ?? 0) + 1;
    seen.set(mutant.name, count);
    return { mutant, key: hash('sha256', `${seed}${' '.repeat(count)}${mutant.name}`) };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ mutant }) => mutant);
}

/** First the tests that killed mutants of this file or are named like it, then those that killed other mutants. */
function order(tests: readonly string[], { file }: Mutant, kills: ReadonlyMap<string, number>): string[] {
  const topic = basename(file, '.ts');
  const score = (path: string): number => {
    const isNamed = basename(path).startsWith(topic) || topic.startsWith(basename(path, '.test.ts'));
    return 10 * (kills.get(`${path} ${file}`) ?? 0) + (kills.get(path) ?? 0) + (isNamed ? 20 : 0);
  };
  return [...tests].sort((a, b) => score(b) - score(a));
}

/** Runs three test files, then the others, then those in other folders. Returns the first failure. */
async function test(tests: readonly string[], deadlineMs: number): Promise<string | undefined> {
  const end = performance.now() + deadlineMs;
  const other = elsewhere[name];
  for (const files of [tests.slice(0, 3), tests.slice(3), other ? [other] : []]) {
    if (files.length === 0) continue;
    const [room = '', project = ''] = files[0]?.split('/') ?? [];
    const failed = await runScript('test', `${room}/${project}`, ['--bail', ...files], end - performance.now());
    if (failed) return files.find((file) => failed.includes(file)) ?? failed;
  }
  return undefined;
}

/** Runs a script of a package in the copy, until it ends or a test file fails. Returns what failed. */
async function runScript(
  script: string,
  folder: string,
  args: readonly string[],
  deadlineMs: number,
): Promise<string | undefined> {
  const cwd = join(copy, folder);
  const { scripts } = JSON.parse(fs.readFileSync(join(cwd, 'package.json'), 'utf8'));
  const [, ...command] = `${scripts[script]}`.split(' ');
  const PATH = [join(cwd, 'node_modules/.bin'), join(copy, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH, TMPDIR: temporary };
  const timeout = Math.max(Math.ceil(deadlineMs), 1);
  const end = performance.now() + timeout;
  const child = spawn(process.execPath, [...command, ...args], {
    cwd,
    env,
    timeout,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running = child;
  let [output, failed] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    failed = /^✘ .*$/m.exec(output)?.[0] ?? '';
    if (failed) child.kill('SIGTERM');
  });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve));
  running = undefined;
  const what = performance.now() < end ? script : late;
  return failed || (status === 0 ? undefined : `${what} of ${folder}`);
}

/** Copies the working tree. Links to node_modules, because its content does not change. */
function makeCopy(): void {
  const left = ['.git', '.turbo', 'node_modules'].map((path) => join(root, path));
  // Caches may be large, and may change during the copy.
  const filter = (path: string): boolean => !left.includes(path) && basename(path) !== '.cache';
  fs.cpSync(root, copy, { recursive: true, verbatimSymlinks: true, filter });
  const modules = join(root, 'node_modules');
  fs.mkdirSync(join(copy, 'node_modules'));
  for (const entry of fs.readdirSync(modules).filter((entry) => entry !== '.cache'))
    fs.symlinkSync(join(modules, entry), join(copy, 'node_modules', entry));
  // A deleted statement may leave a name unused, which is no compiler error here.
  const config = join(copy, 'tsconfig.base.json');
  fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replaceAll(/("noUnused\w+": )true/g, '$1false'));
  // Tests also start programs as other users.
  fs.mkdirSync(temporary);
  fs.chmodSync(temporary, 0o1777);
  fs.chmodSync(base, 0o755);
}
