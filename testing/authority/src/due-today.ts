/**
 * Those of the items whose turn it is today; each has one in `days` days. For what shows the same each time, until the code changes.
 * In the environment, `DAY` is the number of another day, or `all`.
 */
export function dueToday<T>(items: readonly T[], days: number): T[] {
  const { DAY: day = String(Math.floor(Date.now() / 86_400_000)) } = process.env;
  const due = items.filter((_, index) => day === 'all' || (index + Number(day)) % days === 0);
  console.log(`measured: ${due.length} of ${items.length} are due, DAY=${day}`);
  return due;
}
