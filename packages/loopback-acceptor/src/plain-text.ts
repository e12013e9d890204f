/** Room for the longest explanations that providers give, and for a terminal to show. */
const maxLength = 500;

/** Control characters but tab and line feed, line separators, and what turns the reading direction of all that follows. */
const controls = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** Somebody else's text as one line that is safe to show: no control characters, at most 500 characters. */
export function toPlainLine(text: string): string {
  // Cut first, so that a long text costs no time.
  const line = withoutControls(text.slice(0, 10 * maxLength))
    .replace(/\s+/gu, ' ')
    .trim();
  if (line.length <= maxLength) return line;
  // No half of a surrogate pair at the cut.
  return `${line.slice(0, maxLength).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** A terminal obeys control characters, and a turned reading direction disguises text: each becomes a space. */
export function withoutControls(text: string): string {
  return text.replace(controls, ' ');
}
