import { type Defect, patch } from './defect.ts';

/** Mistakes in what is stored, and when. */
export const recordDefects: readonly Defect[] = [
  {
    name: 'writes without compare-and-swap',
    patches: [
      patch(
        'record-keeper.ts',
        'return await this.stored.replace(before, record);',
        'return await this.stored.set(record), true;',
      ),
    ],
    within: 1000,
  },
  {
    name: 'counts no sign-outs',
    patches: [patch('record-keeper.ts', '    this.signOuts++;\n', '')],
    within: 200,
  },
  {
    name: 'marks the record as refused without compare-and-swap',
    patches: [patch('record-keeper.ts', 'answered(this.stored.replace(record, refused))', 'this.stored.set(refused)')],
    within: 5000,
  },
  {
    name: 'stores a sign-in without compare-and-swap',
    patches: [
      patch(
        'record-keeper.ts',
        'const isSaved = await this.advance({ before: newest, record }, lock, signOuts);',
        'await this.stored.set(record);\n        const isSaved = true;',
      ),
    ],
    within: 200,
  },
  {
    name: 'lets a sign-in undo the sign-out of another process',
    patches: [patch('record-keeper.ts', 'if ((before && !newest) || signOuts', 'if (signOuts')],
    within: 200,
  },
  {
    name: 'does not take back a sign-in that a sign-out has ended',
    patches: [
      patch(
        'record-keeper.ts',
        'await this.advance({ before: record, record: undefined }, lock?.signal.aborted ? undefined : lock);',
        'record = undefined;',
      ),
    ],
    within: 200000,
  },
  {
    name: 'forgets what could not be stored',
    patches: [patch('record-keeper.ts', '    this.#owed = addChange(this.#owed, change);\n', '')],
    within: 200,
  },
  {
    name: 'reads the store although it has something newer in memory',
    patches: [
      patch(
        'record-keeper.ts',
        'const newest = applyChanges(stored, this.#owed);',
        'const newest = stored ?? applyChanges(stored, this.#owed);',
      ),
    ],
    within: 200,
  },
  {
    name: 'takes an answer that comes late for a newer one',
    patches: [
      patch('record-keeper.ts', '    if (owedBefore !== this.#owed) return this.#look();\n', '    void owedBefore;\n'),
    ],
    within: 200000,
  },
  {
    name: 'says nothing when the lock was lost and the answer is not stored',
    patches: [
      patch(
        'record-keeper.ts',
        'if (!isDone && lock?.signal.aborted) throw lockLostError(lock);',
        'if (!isDone && lock?.signal.aborted) return true;',
      ),
    ],
    within: 5000,
  },
  {
    name: 'takes a store that fails for one that is empty',
    patches: [
      patch(
        'record-keeper.ts',
        'return (await asStoreErrors(() => this.#look())).newest;',
        'return (await asStoreErrors(() => this.#look()).catch(() => undefined))?.newest;',
      ),
    ],
    within: 200,
  },
  {
    name: 'puts a late sign-in over a newer one',
    patches: [
      patch('record-keeper.ts', '        if (isLate() && !isBefore(newest, { before, record })) return false;\n', ''),
    ],
    within: 200000,
  },
  {
    name: 'releases the lock after the first write that fails',
    patches: [
      patch('record-keeper.ts', 'const isLast = signals.some(({ aborted }) => aborted);', 'const isLast = true;'),
    ],
    within: 200000,
  },
  {
    name: 'takes a sign-in that is only in memory for one that was signed out',
    patches: [
      patch(
        'record-keeper.ts',
        'const newest = await this.readAny().catch(() =>',
        'const newest = await this.#look().then((look) => look.stored).catch(() =>',
      ),
    ],
    within: 200000,
  },
];
