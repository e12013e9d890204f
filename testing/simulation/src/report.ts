import type { Result } from './run-schedule.ts';
import type { World } from './world.ts';

/** What a person needs of a schedule: the seed, what happened, and which promise was broken. */
export function report({ name }: World, seed: number, { failure, trace, choices }: Result): string {
  const lines = failure === undefined ? ['No promise was broken.'] : ['Broken promise:', failure];
  return [
    `Seed ${seed}: ${choices.size} choices that are not the plainest. Replay: node src/replay.ts ${seed} ${name}, in testing/simulation`,
    ...trace,
    ...lines,
  ].join('\n');
}
