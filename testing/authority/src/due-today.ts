/**
 * The items whose turn it is today: the turn of each comes once in `days` days. For tests whose result changes only with the code. In the
 * environment, `DAY` is the number of another day, or `all`.
 */
export function dueToday<T>(items: readonly T[], days: number): T[] {
  const { DAY: day = String(Math.floor(Date.now() / 86_400_000)) } = process.env;
  const due = items.filter((_, index) => day === 'all' || (index + Number(day)) % days === 0);
  console.log(`measured: ${due.length} of ${items.length} are due, DAY=${day}`);
  return due;
}
