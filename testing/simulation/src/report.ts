import { nameOf, type Way } from './guide.ts';
import type { Result } from './run-schedule.ts';
import type { World } from './world.ts';

/** What a person needs of a schedule: the seed, what happened, and which promise was broken. */
export function report({ name }: World, way: Way, { failure, trace, choices }: Result): string {
  const lines = failure === undefined ? ['No promise was broken.'] : ['Broken promise:', failure];
  return [
    `Schedule ${nameOf(way)}: ${choices.size} choices that are not the plainest. Replay: node src/replay.ts ${nameOf(way)} ${name}, in testing/simulation`,
    ...trace,
    ...lines,
  ].join('\n');
}
