/**
 * How many milliseconds a `Retry-After` header asks to wait: seconds or a date (RFC 9110 section 10.2.3), which counts by the clock of the
 * server, if the answer has its time. Undefined if there is none, or if it is neither.
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const instant = readDate(value);
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - (readDate(headers.get('date')) || Date.now()));
}

/** NaN if it is none: Date.parse() makes a date of almost anything. */
function readDate(text: string | null): number {
  return /^[A-Z][a-z]+, .+ GMT$/.test(text ?? '') ? Date.parse(text ?? '') : Number.NaN;
}
