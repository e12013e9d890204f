/**
 * How many milliseconds a `Retry-After` header asks to wait: it has seconds or a date (RFC 9110 section 10.2.3). Undefined
 * if it is missing, or is neither.
 */
export function readRetryAfter(header: string | null | undefined): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse() takes almost any text for a date.
  const instant = /^[A-Z][a-z]+, .+ GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - Date.now());
}
