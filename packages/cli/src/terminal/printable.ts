import { toPlainText } from 'onedrive-token-handler';

/**
 * Makes text from outside this program harmless for a terminal. Control characters could move the cursor or imitate our own
 * messages; bidirectional characters could make one name look like another.
 */
export function printable(text: string): string {
  return toPlainText(text, { replacement: '\u{fffd}' });
}
