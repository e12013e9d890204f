const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What a duration on the command line looks like. */
export const durationExample = 'a number with its unit, for example 90s, 30m, 12h or 14d';

/** Reads `30m` as milliseconds. undefined if it is no duration. */
export function readDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const duration = Number(number) * (unitMs[unit] ?? Number.NaN);
  return Number.isFinite(duration) ? Math.round(duration) : undefined;
}

/** 5,400,000 as `90 min`, in the largest unit that gives at least 2. */
export function formatDuration(milliseconds: number): string {
  const units = [
    ['d', 'days'],
    ['h', 'h'],
    ['m', 'min'],
  ] as const;
  for (const [unit, name] of units) {
    const count = Math.floor(milliseconds / (unitMs[unit] as number));
    if (count >= 2) return `${count} ${name}`;
  }
  return `${Math.max(0, Math.floor(milliseconds / 1000))} s`;
}
