import { type Defect, patch } from './defect.ts';

/** Mistakes in the sign-in. */
export const signInDefects: readonly Defect[] = [
  {
    name: 'asks the person without the sign-in lock',
    patches: [
      patch(
        'sign-in.ts',
        'return await runExclusively(settings.store, turn, inTurn);',
        'return await withoutLock(inTurn);',
      ),
      patch(
        'sign-in.ts',
        'function timeoutError(',
        'async function withoutLock<T>(task: (lock: Lock) => Promise<T>): Promise<T> {\n  return task({ signal: new AbortController().signal });\n}\n\nfunction timeoutError(',
      ),
    ],
    within: 200,
  },
  {
    name: "waits for the person with the record's lock",
    patches: [patch('sign-in.ts', 'name: signInLockName(settings.name),', 'name: settings.name,')],
    within: 200,
  },
  {
    name: 'asks again for a sign-in that another process has just made',
    patches: [patch('sign-in.ts', '    if (found) return found;\n', '')],
    within: 1000,
  },
  {
    name: 'asks the person although the sign-in lock was lost',
    patches: [
      patch(
        'sign-in.ts',
        '    // Another process may open its window.\n    if (lock.signal.aborted) throw lockLostError(lock);\n',
        '',
      ),
    ],
    within: 5000,
  },
];
