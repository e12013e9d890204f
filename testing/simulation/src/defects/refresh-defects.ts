import { type Defect, defect } from './defect.ts';

/** Mistakes in the refresh. */
export const refreshDefects: readonly Defect[] = [
  defect('does not read again under the lock', 5000, [
    'refresh.ts',
    'round++) {\n    const newest = await keeper.readAny();',
    'round++) {\n    const newest = round === 0 ? first : await keeper.readAny();',
  ]),
  defect('spends the refresh token without a test write', 1000, [
    'refresh.ts',
    'await keeper.ensureWritable(record, lock);',
    'true;',
  ]),
  defect(
    'refreshes without the lock',
    200,
    ['refresh.ts', 'return await runExclusively(settings.store, turn, refresh);', 'return await withoutLock(refresh);'],
    [
      'refresh-once.ts',
      '/** undefined: another record is stored by now. `replaced`: the list for the outcome, with the access token of `record`. */',
      'async function withoutLock<T>(task: (lock: Lock) => Promise<T>): Promise<T> {\n  return task({ signal: new AbortController().signal });\n}\n\n/** undefined: another record is stored by now. `replaced`: the list for the outcome, with the access token of `record`. */',
    ],
  ),
  defect(
    'releases the lock while the request is under way',
    200,
    [
      'refresh.ts',
      '    return refreshInTurn(keeper, first, request, lock, replaced);',
      '    early = refreshInTurn(keeper, first, request, lock, replaced);\n    early.catch(() => {});\n    return undefined as never;',
    ],
    [
      'refresh.ts',
      'return await runExclusively(settings.store, turn, refresh);',
      'return (await runExclusively(settings.store, turn, refresh)) ?? (await early!);',
    ],
    [
      'refresh.ts',
      '  const found = new AbortController();\n',
      '  const found = new AbortController();\n  let early: Promise<SilentOutcome> | undefined;\n',
    ],
  ),
  defect('releases the lock before the answer is stored', 200, [
    'refresh-once.ts',
    '  return (await store(next)) ? next : undefined;',
    '  void store(next).catch(() => {});\n  return next;',
  ]),
  defect('throws away the refresh token of an answer that has no access token', 1000, [
    'refresh-once.ts',
    '    if (kept) await store(kept);\n',
    '    void [kept, store];\n',
  ]),
  defect('sends the refresh token again after a lost answer', 5000, [
    'refresh-once.ts',
    'refresh({ ...record }, { signal }));',
    'refresh({ ...record }, { signal }).catch(() => refresh({ ...record }, { signal })));',
  ]),
  defect('drops the answer when its caller lets go', 1000, [
    'refresh.ts',
    '    const outcome = await refreshOnce(keeper, record, lock, replaced);',
    "    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));\n    const outcome = await Promise.race([refreshOnce(keeper, record, lock, replaced), aborted]);",
  ]),
  defect('refreshes although the lock was lost', 5000, [
    'refresh.ts',
    '    if (lock.signal.aborted) throw lockLostError(lock);\n    if (!isWritable)',
    '    if (!isWritable)',
  ]),
  defect('waits for a refresh that never ends', 5000, [
    'refresh-once.ts',
    'await inTime(refreshTimeout + abortGraceMs, answer, stop)',
    'await answer',
  ]),
  defect('refreshes a short-lived token that came while it waited', 10000, [
    'refresh.ts',
    'hasCome ? { skew: 0 } : { skew: settings.expirySkew, minValid, ahead }',
    '{ skew: settings.expirySkew, minValid, ahead }',
  ]),
  defect('refreshes what another process has just refreshed', 200, [
    'refresh.ts',
    '    if (stored && (hasCome || !forced)) return useStored(keeper, stored, replaced);\n',
    '',
  ]),
  defect('sends a refresh token again that was refused', 1000, [
    'refresh.ts',
    '    if (first.refusedAt !== undefined && !resends) return wasRefused(settings, first);\n',
    '',
  ]),
  defect('sends a refresh token again that was refused while it waited', 1000, [
    'refresh.ts',
    '    if (record.refusedAt !== undefined && first.refusedAt === undefined) return wasRefused(settings, record);\n',
    '',
  ]),
  defect('takes every error for a refusal', 200, [
    'refresh-once.ts',
    '    if (!settings.needsSignIn(error)) throw error;\n',
    '',
  ]),
  defect('quotes the refresh token in the event of a failure', 200, [
    'refresh-once.ts',
    'describeError(error, secretsOf(record))',
    'describeError(error, [])',
  ]),
  defect('takes the stored token for a forced call', 200, [
    'refresh.ts',
    'if (stored && !isRejected) return',
    'if (stored) return',
  ]),
  defect('does not know that the stored token was rejected, if none is in memory', 200, [
    'refresh.ts',
    'forced && (!held || stored?.accessToken === held.accessToken)',
    'forced && stored?.accessToken === held?.accessToken',
  ]),
  defect('takes the token that it knows for the one that it waits for', 1000, [
    'refresh.ts',
    'if (record && !replaced.includes(record.accessToken)) token =',
    'token =',
  ]),
];
