const fs = process.getBuiltinModule('node:fs');

/** The entries of a JSON file of our own; none where it is missing or damaged, so that the next write mends it. */
export function readEntries(file: string): Record<string, unknown> {
  // Without a prototype no name, `constructor` say, finds what nobody wrote.
  const entries: Record<string, unknown> = Object.create(null);
  try {
    return Object.assign(entries, JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch {
    return entries;
  }
}

/**
 * Writes one entry, or removes it where `value` is undefined. The file is only the owner's to read, and whoever reads it
 * at the same time sees the old content or the new, never half of it. Throws what the file system says.
 */
export function writeEntry(file: string, name: string, value: unknown): void {
  const { [name]: before, ...others } = readEntries(file);
  if (JSON.stringify(before) === JSON.stringify(value)) return;
  const content = JSON.stringify({ ...others, [name]: value }, null, 2);
  const temporary = `${file}.${process.pid}.tmp`;
  fs.rmSync(temporary, { force: true });
  try {
    // `wx`: a link that somebody put there is not followed.
    fs.writeFileSync(temporary, `${content}\n`, { mode: 0o600, flag: 'wx', flush: true });
    fs.renameSync(temporary, file);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}
