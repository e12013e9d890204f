/**
 * Makes text from outside this program harmless for a terminal. Control characters could move the cursor or imitate our own
 * messages; bidirectional characters could make one name look like another.
 */
import { toPlainText as printable } from 'onedrive-token-handler';
import { isTerminal, writeErr, writeOut } from './streams.ts';

export { printable };

/** Writes an answer for programs, as JSON for example, as `writeOut` does: as it is, or on a terminal made harmless. */
export function writeAnswer(text: string): boolean {
  return writeOut(isTerminal(1) ? printable(text) : text);
}

/** Writes text for a person to stdout, harmless. */
export function tellOut(text: string): void {
  writeOut(printable(text));
}

/** As `tellOut`, to stderr. */
export function tellErr(text: string): void {
  writeErr(printable(text));
}
