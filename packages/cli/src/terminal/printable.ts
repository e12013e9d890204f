/**
 * Text that came from elsewhere, made harmless for a terminal: control characters could move the cursor or fake our own
 * messages, and bidirectional ones could make a name read as another.
 */
export function printable(text: string): string {
  return text.replace(/\r(?!\n)|[^\P{Cc}\n\t\r]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\u{fffd}');
}
