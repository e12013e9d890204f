import { type Defect, patch } from './defect.ts';

/** Mistakes in what is stored, and when. */
export const recordDefects: readonly Defect[] = [
  {
    name: 'writes without compare-and-swap',
    patches: [
      patch(
        'late-writes.ts',
        'const written = await store.replace(name, replaces, record);',
        'await store.set(name, record);\n    const written = true;',
      ),
    ],
    within: 200,
  },
  {
    name: 'counts no sign-outs',
    patches: [patch('record-keeper.ts', '    this.signOuts++;\n', '')],
    within: 2000,
  },
  {
    name: 'marks the record as refused without compare-and-swap',
    patches: [
      patch(
        'record-keeper.ts',
        'await asStoreErrors(() => this.#settings.store.replace(this.#settings.name, record.refreshToken, refused)).catch(',
        'await asStoreErrors(() => this.#settings.store.set(this.#settings.name, refused)).catch(',
      ),
    ],
    within: 25000,
  },
  {
    name: 'stores a sign-in without compare-and-swap',
    patches: [
      patch(
        'record-keeper.ts',
        'if (await store.replace(name, stored?.refreshToken, record)) {',
        'await store.set(name, record);\n      if (round >= 0) {',
      ),
    ],
    within: 20000,
  },
  {
    name: 'lets a sign-in undo the sign-out of another process',
    patches: [patch('record-keeper.ts', 'if ((before && !stored) || signOuts', 'if (signOuts')],
    within: 5000,
  },
  {
    name: 'does not take back a sign-in that a sign-out has ended',
    patches: [
      patch('record-keeper.ts', '      if (isTried) await this.#takeBack(record, lock);\n', ''),
      patch('record-keeper.ts', 'signOuts === this.signOuts && asStoreErrors(write)', 'asStoreErrors(write)'),
      patch('record-keeper.ts', '(before && !stored) || signOuts !== this.signOuts', 'before && !stored'),
    ],
    within: 10000,
  },
  {
    name: 'forgets what could not be stored',
    patches: [patch('late-writes.ts', '    this.#unsaved = unsaved;\n', '')],
    within: 5000,
  },
  {
    name: 'reads the store although it has something newer in memory',
    patches: [
      patch('late-writes.ts', '    if (!unsaved) return counting;\n', '    if (!unsaved || stored) return counting;\n'),
    ],
    within: 5000,
  },
  {
    name: 'says nothing when the lock was lost and the answer is not stored',
    patches: [
      patch(
        'record-keeper.ts',
        '    this.#late.keep(unsaved, lock.signal.reason);\n    return true;',
        '    return true;',
      ),
    ],
    within: 10000,
  },
  {
    name: 'takes a store that fails for one that is empty',
    patches: [
      patch(
        'record-keeper.ts',
        'newest(readStoredRecord(await asStoreErrors(() => store.get(name))));',
        'newest(readStoredRecord(await asStoreErrors(() => store.get(name)).catch(() => undefined)));',
      ),
    ],
    within: 1000,
  },
  {
    name: 'puts a late sign-in over a newer one',
    patches: [
      patch(
        'record-keeper.ts',
        '      if (isLate() && stored?.refreshToken !== before?.refreshToken) return false;\n',
        '',
      ),
    ],
    within: 20000,
  },
  {
    name: 'releases the lock after the first write that fails',
    patches: [patch('write-while-locked.ts', 'const isLast = stop.aborted;', 'const isLast = true;')],
    within: 10000,
  },
];
