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

/** Writes text for a person to stdout: harmless, and on a terminal with breaks at words. */
export function tellOut(text: string): void {
  writeOut(fit(text, 1));
}

/** As `tellOut`, to stderr. */
export function tellErr(text: string): void {
  writeErr(fit(text, 2));
}

function fit(text: string, descriptor: 1 | 2): string {
  const harmless = printable(text);
  if (!isTerminal(descriptor)) return harmless;
  const { columns } = descriptor === 1 ? process.stdout : process.stderr;
  return columns > 0 ? wrap(harmless, columns) : harmless;
}

/** The start of a line. Further rows begin below the value of `name  value`, if that leaves half of the screen. */
const label = /^ *(?:\S+ )*\S+ {2,}|^ */;
/** A word, or a command to copy. Neither is cut in two. */
const unbreakable = / *(?:[Rr]un: .+?(?:\.(?= [A-Z])|$)|^\$ .+|\S+)/g;

/** Breaks lines between words. A word that is longer than a line stays whole, so that an address can be clicked and copied. */
export function wrap(text: string, columns: number): string {
  return text.replace(/.+/g, (line) => {
    if (line.length <= columns) return line;
    const [start = ''] = label.exec(line) ?? [];
    const indent = ' '.repeat(start.length <= columns / 2 ? start.length : 2);
    let row = start;
    const rows: string[] = [];
    for (const [word] of line.slice(start.length).matchAll(unbreakable)) {
      const next = indent + word.trimStart();
      if (row.length + word.length <= columns || (row.length < columns && next.length > columns)) row += word;
      else {
        if (row.trim() !== '') rows.push(row);
        row = next;
      }
    }
    return [...rows, row].join('\n');
  });
}
