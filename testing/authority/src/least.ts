/**
 * Runs a task until its result is at most `limit`, but at most so many times, and returns the least result. For promises about time: a busy
 * machine can make any try slow, a defect makes all of them slow.
 */
export async function least(limit: number, tries: number, task: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let left = tries; left > 0 && least > limit; left--) least = Math.min(least, await task());
  return least;
}
