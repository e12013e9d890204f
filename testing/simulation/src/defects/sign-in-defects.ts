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
    name: 'gives signIn() the sign-in of another process, for which getToken() has waited',
    patches: [patch('shared-token.ts', "if (request.reason === 'requested') return result;", 'return result;')],
    within: 1000,
  },
  {
    name: 'gives a call the error of a sign-in that a sign-out has ended',
    patches: [
      patch(
        'sign-in.ts',
        "    if (request.signOuts !== keeper.signOuts) failure = signInRequired('signed-out', settings);\n",
        '',
      ),
    ],
    within: 200,
  },
  {
    name: 'gives a call the error of a refresh that failed just before the sign-out',
    patches: [patch('shared-token.ts', 'signOuts !== this.#keeper.signOuts || signOutsEnded', 'signOutsEnded')],
    within: 25000,
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
