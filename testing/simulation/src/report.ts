import type { Result } from './run-schedule.ts';

/** What a person needs of a schedule: the seed, what happened, and which promise was broken. */
export function report(seed: number, { failure, trace, choices }: Result): string {
  const lines = failure === undefined ? ['No promise was broken.'] : ['Broken promise:', failure];
  return [
    `Seed ${seed}: ${choices.size} choices that are not the plainest. Replay: node src/replay.ts ${seed}, in testing/simulation`,
    ...trace,
    ...lines,
  ].join('\n');
}
