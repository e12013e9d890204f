// Every package with options has this file, because none may load another one only for it. scripts/test holds the copies equal.

/**
 * Refuses names that are not known: a misspelt option would silently have its default.
 *
 * @param known Its keys are the known names.
 * @param kind What the message calls a name.
 * @throws {TypeError} that has the name, and the known one that was probably meant.
 */
export function checkNames(given: object, known: Readonly<Record<string, unknown>>, kind = 'option'): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const meant = mostAlike(name, Object.keys(known));
    const advice = meant === undefined ? `known are ${Object.keys(known).join(', ')}` : `did you mean ${meant}?`;
    throw new TypeError(`unknown ${kind} ${JSON.stringify(name)}: ${advice}`);
  }
}

/** The known name that takes the fewest changes of a letter. undefined if none is like it. */
function mostAlike(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, letters(name).length / 3) + 1;
  for (const candidate of known) {
    const changes = countChanges(letters(name), letters(candidate));
    if (changes < fewest) {
      fewest = changes;
      best = candidate;
    }
  }
  return best;
}

/** `db_filepath`, `db-filepath` and `dbFilepath` are spelt alike. */
function letters(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** The Levenshtein distance. */
function countChanges(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
