const fs = process.getBuiltinModule('node:fs');

/** Milliseconds. Whoever has the lock for longer has died with it. */
const longestWrite = 2000;

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
  if (JSON.stringify(readEntries(file)[name]) === JSON.stringify(value)) return;
  const lock = `${file}.lock`;
  const temporary = `${file}.${process.pid}.tmp`;
  takeLock(lock);
  try {
    const content = JSON.stringify({ ...readEntries(file), [name]: value }, null, 2);
    fs.rmSync(temporary, { force: true });
    // `wx`: a link that somebody put there is not followed.
    fs.writeFileSync(temporary, `${content}\n`, { mode: 0o600, flag: 'wx', flush: true });
    fs.renameSync(temporary, file);
  } finally {
    fs.rmSync(temporary, { force: true });
    fs.rmSync(lock, { force: true });
  }
}

/** Makes the file that keeps other processes from writing, or what they write in between would be lost. */
function takeLock(lock: string): void {
  let madeAt: number | undefined;
  let end = 0;
  for (;;) {
    try {
      fs.writeFileSync(lock, '', { mode: 0o600, flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
    // Gone meanwhile: whoever makes the next one must not lose it here.
    if (found === undefined) continue;
    if (found !== madeAt) {
      madeAt = found;
      end = performance.now() + longestWrite;
    }
    if (performance.now() > end) fs.rmSync(lock, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
}
