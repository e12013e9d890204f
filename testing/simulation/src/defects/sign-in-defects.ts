import { type Defect, defect } from './defect.ts';

/** Mistakes in the sign-in. */
export const signInDefects: readonly Defect[] = [
  defect(
    'asks the person without the sign-in lock',
    200,
    ['sign-in.ts', 'return await runExclusively(settings.store, turn, inTurn);', 'return await withoutLock(inTurn);'],
    [
      'sign-in.ts',
      'function timeoutError(',
      'async function withoutLock<T>(task: (lock: Lock) => Promise<T>): Promise<T> {\n  return task({ signal: new AbortController().signal });\n}\n\nfunction timeoutError(',
    ],
  ),
  defect("waits for the person with the record's lock", 200, [
    'sign-in.ts',
    'name: signInLockName(settings.name),',
    'name: settings.name,',
  ]),
  defect('gives signIn() the sign-in of another process, for which getToken() has waited', 1000, [
    'shared-token.ts',
    "if (request.reason === 'requested') return result;",
    'return result;',
  ]),
  defect('does not know which token a sign-in is for, if it is not in memory yet', 'newest-token', [
    'shared-token.ts',
    'rejected ?? (forceRefresh ? record?.accessToken : undefined)',
    'rejected',
  ]),
  defect('gives a call the error of a sign-in that a sign-out has ended', 200, [
    'sign-in.ts',
    "    if (request.signOuts !== keeper.signOuts) failure = signInRequired('signed-out', settings);\n",
    '',
  ]),
  defect('gives a call the error of a refresh that failed just before the sign-out', 2000, [
    'shared-token.ts',
    "if (outcome.type !== 'sign-in') this.#assertSignedIn(work);",
    "if (outcome.type === 'token') this.#assertSignedIn(work);",
  ]),
  defect('asks again for a sign-in that another process has just made', 1000, [
    'sign-in.ts',
    '    if (found) return found;\n',
    '',
  ]),
  defect('ends the exchange of a code with the wait of its callers', 1000, [
    'sign-in.ts',
    '    if (isExchanging) return;\n',
    '',
  ]),
  defect('asks the person although the sign-in lock was lost', 1000, [
    'sign-in.ts',
    '    // Another process may ask the person now.\n    if (lock.signal.aborted) throw lockLostError(lock);\n',
    '',
  ]),
];
