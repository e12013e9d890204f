import { median } from './sample.ts';

/** The milliseconds of each piece of work, in rounds: A B C, C B A, A B C, …. So a change of the machine's speed affects all of them. */
export async function inTurn(rounds: number, work: readonly ((round: number) => unknown)[]): Promise<number[][]> {
  const times: number[][] = work.map(() => []);
  const order = [...work.keys()];
  for (let round = 0; round < rounds; round++) {
    for (const index of round % 2 === 0 ? order : order.toReversed()) {
      const started = performance.now();
      const result = work[index]?.(round);
      // Not awaited if there is nothing to wait for, because that takes time.
      if (result instanceof Promise) await result;
      times[index]?.push(performance.now() - started);
    }
  }
  return times;
}

/** The median of the ratios. The two values of a pair come from the same round. */
export function ratioOf(above: readonly number[], below: readonly number[]): number {
  return median(above.map((value, index) => value / (below[index] ?? Number.NaN)));
}
