import { UsageError } from '../terminal/failure.ts';

/** The largest unit first: its milliseconds, its name as typed, and its name as shown. */
const units = [
  [86_400_000, 'd', 'days'],
  [3_600_000, 'h', 'h'],
  [60_000, 'm', 'min'],
  [1000, 's', 's'],
] as const;
const longestDays = 10_000;
const pattern = new RegExp(`^${units.map(([, unit]) => String.raw`(?:(\d+(?:\.\d+)?)${unit})?`).join('')}$`);

/** Reads `30m` or `59m50s` as milliseconds. Throws UsageError. */
export function readDuration(text: string): number {
  const [, ...counts] = (text && pattern.exec(text)) || [];
  if (counts.length === 0)
    throw new UsageError('It is not a number with its unit, for example 90s, 30m, 1h30m or 14d.');
  const duration = Math.round(units.reduce((sum, [ms], index) => sum + ms * Number(counts[index] ?? 0), 0));
  if (duration > longestDays * units[0][0]) throw new UsageError(`It is longer than ${longestDays}d.`);
  return duration;
}

/** Reads a number of seconds, above 0 and at most `longest`, as milliseconds. undefined for any other text. */
export function readSeconds(text: string, longest: number): number | undefined {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  return seconds > 0 && seconds <= longest ? Math.max(1, Math.round(seconds * 1000)) : undefined;
}

/** 5,400,000 as `90 min`, in the largest unit that gives at least 2. */
export function formatDuration(milliseconds: number): string {
  const [unitMs, , name] = units.find(([ms]) => milliseconds >= 2 * ms) ?? units[3];
  return `${Math.max(0, Math.floor(milliseconds / unitMs))} ${name}`;
}

/** Swedish dates are sortable. They are the same whatever the user's locale is. */
const locale = 'sv-SE';

/** 2026-01-31 14:05:09, in the local time zone. */
export function localTime(timestamp: number | undefined): string | undefined {
  return timestamp === undefined ? undefined : new Date(timestamp).toLocaleString(locale);
}

/** The day of `localTime`: 2026-01-31. */
export function localDay(timestamp: number): string {
  return new Date(timestamp).toLocaleDateString(locale);
}

/** A sign-in that expires within this time makes every command that reads it warn. */
const noticeMs = 14 * 86_400_000;

/** Whether a person should be warned. `renewBy`: epoch milliseconds; undefined if it is not known. */
export function expiresSoon(renewBy: number | undefined): renewBy is number {
  return renewBy !== undefined && renewBy - Date.now() < noticeMs;
}
