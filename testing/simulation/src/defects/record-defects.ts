import { type Defect, defect } from './defect.ts';

/** Mistakes in what is stored, and when. */
export const recordDefects: readonly Defect[] = [
  defect('writes without compare-and-swap', 1000, [
    'record-keeper.ts',
    'this.#write(this.stored.replace(before, record))',
    'this.#write(this.stored.set(record).then(() => true))',
  ]),
  defect('puts a sign-in over a newer one if it does not know that its lock was lost', 'lock-lost', [
    'record-keeper.ts',
    '        if (newest && isOlder(record, newest)) return false;\n',
    '',
  ]),
  defect('counts no sign-outs', 200, ['record-keeper.ts', '    this.signOuts++;\n', '']),
  defect('marks the record as refused without compare-and-swap', 2000, [
    'record-keeper.ts',
    'answered(this.stored.replace(record, refused))',
    'this.stored.set(refused)',
  ]),
  defect('stores a sign-in without compare-and-swap', 200, [
    'record-keeper.ts',
    'if (await this.advance({ before: newest, record }, lock, signOuts)) return true;',
    'await this.stored.set(record);\n        return true;',
  ]),
  defect('lets a sign-in undo the sign-out of another process', 1000, [
    'record-keeper.ts',
    'if ((before && !newest) || signOuts',
    'if (signOuts',
  ]),
  defect('deletes before what is being written', 2000, [
    'record-keeper.ts',
    '    await written.catch(() => {});\n',
    '',
  ]),
  defect('says that a sign-out is done although a write may come after it', 5000, [
    'record-keeper.ts',
    '    await written;\n',
    '',
  ]),
  defect('reads what a sign-out is about to delete', 200, [
    'record-keeper.ts',
    '      await answered(this.#deleted);\n',
    '',
  ]),
  defect('forgets what could not be stored', 200, [
    'record-keeper.ts',
    '    this.#owed = [...this.#owed, change];\n',
    '',
  ]),
  defect('reads the store although it has something newer in memory', 200, [
    'record-keeper.ts',
    'const newest = applyChanges(stored, this.#owed);',
    'const newest = stored ?? applyChanges(stored, this.#owed);',
  ]),
  defect('takes an answer that comes late for a newer one', 'lost-write', [
    'record-keeper.ts',
    '    if (owedBefore !== this.#owed) return this.#look();\n',
    '    void owedBefore;\n',
  ]),
  defect('says nothing when the lock was lost and the answer is not stored', 5000, [
    'record-keeper.ts',
    'if (!isDone && lock?.signal.aborted) throw lockLostError(lock);',
    'if (!isDone && lock?.signal.aborted) return true;',
  ]),
  defect('takes a store that fails for one that is empty', 200, [
    'record-keeper.ts',
    'return (await this.#look()).newest;',
    'return (await this.#look().catch(() => ({ newest: undefined }))).newest;',
  ]),
  defect('puts a late sign-in over a newer one', 'sign-in', [
    'record-keeper.ts',
    '        if ((isLate() || lock.signal.aborted) && !isBefore(newest, { before, record })) return false;\n',
    '',
  ]),
  defect('goes on with a write that was given up, after another one and a sign-out', 'lost-write', [
    'record-keeper.ts',
    '          isOwed = true;\n',
    '          void isOwed;\n',
  ]),
  defect('tries twice at the same time to store what it owes', 'lost-write', [
    'record-keeper.ts',
    'this.#paid = this.#paid.then(() => this.#payAll());',
    'this.#paid = this.#payAll();',
  ]),
  defect('releases the lock after the first write that fails', 10000, [
    'record-keeper.ts',
    'const isLast = signals.some(({ aborted }) => aborted);',
    'const isLast = true;',
  ]),
  defect('takes a sign-in that is only in memory for one that was signed out', 10000, [
    'record-keeper.ts',
    'const newest = await this.readAny().catch(() =>',
    'const newest = await this.#look().then((look) => look.stored).catch(() =>',
  ]),
];
