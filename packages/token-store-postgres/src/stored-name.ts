/** A name of more bytes would not fit into the index. */
const maxNameBytes = 2_600;

/**
 * A name as PostgreSQL can store it: without a NUL character, which is `\0`, so that a backslash is `\\`.
 *
 * @throws {RangeError} if it is too long.
 */
export function toStoredName(name: string): string {
  const stored = name.replace(/[\\\0]/g, (character) => (character === '\0' ? '\\0' : '\\\\'));
  const bytes = Buffer.byteLength(stored);
  if (bytes > maxNameBytes) throw new RangeError(`name must have at most ${maxNameBytes} bytes, not ${bytes}`);
  return stored;
}

/** The name that is stored in this form. */
export function fromStoredName(stored: string): string {
  return stored.replace(/\\(.)/g, (_, character) => (character === '0' ? '\0' : character));
}
