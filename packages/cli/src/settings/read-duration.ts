const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What a duration on the command line looks like. */
export const durationExample = 'a number with its unit, for example 90s, 30m, 12h or 14d';

/** Reads `30m` as milliseconds. undefined if it is no duration. */
export function readDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const duration = Number(number) * (unitMs[unit] ?? Number.NaN);
  return Number.isFinite(duration) ? Math.round(duration) : undefined;
}
