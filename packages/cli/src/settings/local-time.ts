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
