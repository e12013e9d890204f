/** Runs a task for each index below `count`, `width` of them at a time. Rejects with the first failure. */
export async function inParallel(
  width: number,
  count: number,
  task: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
