import { UsageError } from '../terminal/failure.ts';

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `30m` as milliseconds. Throws UsageError. */
export function readDuration(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const duration = Number(number) * (unitMs[unit] ?? Number.NaN);
  if (Number.isFinite(duration)) return Math.round(duration);
  throw new UsageError('It is not a number with its unit, for example 90s, 30m, 12h or 14d.');
}

/** Reads a number of seconds, above 0 and at most `longest`, as milliseconds. undefined if it is none. */
export function readSeconds(text: string, longest: number): number | undefined {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  return seconds > 0 && seconds <= longest ? Math.max(1, Math.round(seconds * 1000)) : undefined;
}

const spokenUnits = [
  [86_400_000, 'days'],
  [3_600_000, 'h'],
  [60_000, 'min'],
] as const;

/** 5,400,000 as `90 min`, in the largest unit that gives at least 2. */
export function formatDuration(milliseconds: number): string {
  for (const [unitMs, name] of spokenUnits) {
    const count = Math.floor(milliseconds / unitMs);
    if (count >= 2) return `${count} ${name}`;
  }
  return `${Math.max(0, Math.floor(milliseconds / 1000))} s`;
}
