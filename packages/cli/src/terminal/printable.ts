/**
 * Makes text from outside this program harmless for a terminal. Control characters could move the cursor or imitate our own
 * messages; bidirectional characters could make one name look like another.
 */
export function printable(text: string): string {
  return text.replace(/\r(?!\n)|[^\P{Cc}\n\t\r]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\u{fffd}');
}
