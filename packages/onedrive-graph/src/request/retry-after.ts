/**
 * How many milliseconds a `Retry-After` header asks to wait: seconds or a date (RFC 9110 section 10.2.3). Undefined if there
 * is none, or if it is neither.
 */
export function readRetryAfter(header: string | null): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse() makes a date of almost anything.
  const timestamp = /^[A-Z][a-z]+, .+ GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(timestamp) ? undefined : Math.max(0, timestamp - Date.now());
}
