/** The trials of `pnpm proof`. A person can also run the command of each trial. */
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Trial {
  /** The name in the table of docs/proof.md. */
  readonly name: string;
  readonly folder: string;
  /** Arguments of Node. */
  readonly commands: readonly (readonly string[])[];
  readonly env?: Readonly<Record<string, string>>;
  /** Makes the cell of the table from the output of all commands. */
  read(output: string): string;
}

/** A new seed for each run, far from the seeds of the tests. */
const seed = 10_000_000 + Math.floor(Math.random() * 1e9);
const million = 1_000_000;

const schedules = (world: string): Trial => ({
  name: `schedules of ${world}`,
  folder: 'testing/simulation',
  commands: [['src/run-chunk.ts', `${seed}`, `${million}`, `${million}`, world]],
  read(output) {
    const { schedules, steps, found } = JSON.parse(output);
    const result = found ? `**schedule ${found.name} breaks a promise**` : 'no promise broken';
    return `${schedules} from seed ${seed} on, ${Math.round(steps / schedules)} steps each: ${result}`;
  },
});

const longTests = (
  name: string,
  folder: string,
  parts: readonly string[],
  env: Readonly<Record<string, string>>,
): Trial => ({
  name,
  folder,
  commands: [['../../scripts/suite.ts', '--long', '--deadline', '7200000', ...parts]],
  env,
  read: (output) => matches(output, /(?<=measured: ).*|\d+ passed, \d+ failed(?=, \d+ skipped\n*$)/g).join('; '),
});

const mutants = (name: string): Trial => ({
  name: `mutants of ${name}`,
  folder: '.',
  commands: [1, 2, 3].map((round) => ['scripts/mutate.ts', name, '--seed', `${seed + round}`, '--sample', '60']),
  read(output) {
    const counts = matches(output, /(?<=: )\d+ of \d+ (?=killed)/g).map((text) => text.split(' of ').map(Number));
    const sum = (index: number): number => counts.reduce((all, count) => all + (count[index] ?? 0), 0);
    return `${sum(0)} of ${sum(1)} killed (${Math.floor((100 * sum(0)) / sum(1))} %), seeds ${seed + 1} to ${seed + 3}`;
  },
});

const stores = ['token-store-sqlite', 'token-store-file', 'token-store-postgres'];

export const trials: readonly Trial[] = [
  schedules('shared-token'),
  schedules('token-store-postgres'),
  ...stores.map((store) => longTests(`histories of ${store}`, `packages/${store}`, ['contract'], { ROUNDS: '139' })),
  ...globSync('*/package.json', { cwd: join(import.meta.dirname, '../packages') })
    .sort()
    .map((file) => mutants(dirname(file))),
];

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([match]) => match);
}
