/**
 * `pnpm proof [PART…]`: runs the trials whose name is a PART or contains it, and writes each result with the commit and the day into the
 * table of docs/proof.md. Without a PART, lists the trials. A trial that fails writes nothing. A person can also run the command of each
 * trial; some take an hour.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trials } from './trials.ts';

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs/proof.md');
const parts = process.argv.slice(2);
const names = trials.map(({ name }) => name);
const isMeant = (name: string, part: string): boolean => (names.includes(part) ? name === part : name.includes(part));
const chosen = trials.filter(({ name }) => parts.some((part) => isMeant(name, part)));
if (chosen.length === 0) console.log(`usage: proof PART…\n\n${names.join('\n')}`);

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
for (const { name, folder, commands, env, read } of chosen) {
  console.log(`\n=== ${name}`);
  const outputs: string[] = [];
  // After a command that fails, the others are not needed.
  const hasPassed = commands.every((args) => {
    const output = run(join(root, folder), args, env);
    outputs.push(output ?? '');
    return output !== undefined;
  });
  if (hasPassed) write(name, read(outputs.join('\n')));
  else process.exitCode = 1;
}

/** The output of the program; undefined if it failed. */
function run(cwd: string, args: readonly string[], env?: Readonly<Record<string, string>>): string | undefined {
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 100_000_000,
  });
  process.stdout.write(stdout);
  return status === 0 ? stdout : undefined;
}

/** Replaces the row of the trial. The rows have the order of the trials. */
function write(name: string, result: string): void {
  const [before = '', rows = '', after = ''] = readFileSync(page, 'utf8').split(
    /(?<=<!-- table -->\n)|(?=<!-- end of table -->)/,
  );
  const [head, line, ...old] = rows.trimEnd().split('\n');
  const known = new Map(old.map((row) => [row.split(' | ')[0]?.slice(2), row]));
  known.set(name, `| ${name} | ${result} | ${new Date().toISOString().slice(0, 10)}, ${commit} |`);
  const sorted = trials.flatMap(({ name }) => known.get(name) ?? []);
  writeFileSync(page, `${before}${[head, line, ...sorted].join('\n')}\n${after}`);
}
