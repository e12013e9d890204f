/**
 * Runs a task up to `tries` times, until its result is at most `limit`. Returns the least result. For promises about time: a busy machine
 * can make any try slow, but a defect makes every try slow.
 */
export async function least(limit: number, tries: number, task: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let left = tries; left > 0 && least > limit; left--) least = Math.min(least, await task());
  return least;
}
