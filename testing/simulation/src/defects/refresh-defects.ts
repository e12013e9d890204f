import { type Defect, patch } from './defect.ts';

/** Mistakes in the refresh. */
export const refreshDefects: readonly Defect[] = [
  {
    name: 'does not read again under the lock',
    patches: [
      patch(
        'refresh.ts',
        'const newest = await keeper.readAny();',
        'const newest = round === 0 ? first : await keeper.readAny();',
      ),
    ],
    within: 20000,
  },
  {
    name: 'spends the refresh token without a test write',
    patches: [patch('refresh.ts', 'await keeper.ensureWritable(record, lock);', 'true;')],
    within: 1000,
  },
  {
    name: 'refreshes without the lock',
    patches: [
      patch(
        'refresh.ts',
        'return await runExclusively(settings.store, turn, refresh);',
        'return await withoutLock(refresh);',
      ),
      patch(
        'refresh.ts',
        '/** undefined: another record is stored by now. */',
        'async function withoutLock<T>(task: (lock: Lock) => Promise<T>): Promise<T> {\n  return task({ signal: new AbortController().signal });\n}\n\n/** undefined: another record is stored by now. */',
      ),
    ],
    within: 200,
  },
  {
    name: 'releases the lock while the request is under way',
    patches: [
      patch(
        'refresh.ts',
        '    return refreshInTurn(keeper, first, request, lock);',
        '    early = refreshInTurn(keeper, first, request, lock);\n    early.catch(() => {});\n    return undefined as never;',
      ),
      patch(
        'refresh.ts',
        'return await runExclusively(settings.store, turn, refresh);',
        'return (await runExclusively(settings.store, turn, refresh)) ?? (await early!);',
      ),
      patch(
        'refresh.ts',
        '  const found = new AbortController();\n',
        '  const found = new AbortController();\n  let early: Promise<SilentOutcome> | undefined;\n',
      ),
    ],
    within: 200,
  },
  {
    name: 'releases the lock before the answer is stored',
    patches: [
      patch(
        'refresh.ts',
        '  if (!(await keeper.advance({ before: record, record: next }, lock))) return undefined;',
        '  void keeper.advance({ before: record, record: next }, lock).catch(() => {});',
      ),
    ],
    within: 200,
  },
  {
    name: 'sends the refresh token again after a lost answer',
    patches: [
      patch(
        'refresh.ts',
        'refresh({ ...record }, { signal }));',
        'refresh({ ...record }, { signal }).catch(() => refresh({ ...record }, { signal })));',
      ),
    ],
    within: 5000,
  },
  {
    name: 'drops the answer when its caller lets go',
    patches: [
      patch(
        'refresh.ts',
        '    const outcome = await refreshOnce(keeper, record, lock);',
        "    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));\n    const outcome = await Promise.race([refreshOnce(keeper, record, lock), aborted]);",
      ),
    ],
    within: 1000,
  },
  {
    name: 'refreshes although the lock was lost',
    patches: [
      patch(
        'refresh.ts',
        '    if (lock.signal.aborted) throw lockLostError(lock);\n    if (!isWritable)',
        '    if (!isWritable)',
      ),
    ],
    within: 20000,
  },
  {
    name: 'waits for a refresh that never ends',
    patches: [patch('refresh.ts', 'await inTime(refreshTimeout + abortGraceMs, answer, stop)', 'await answer')],
    within: 5000,
  },
  {
    name: 'refreshes a short-lived token that came while it waited',
    patches: [
      patch(
        'refresh.ts',
        'isNew ? { skew: 0 } : { skew: settings.expirySkew, minValid, ahead }',
        '{ skew: settings.expirySkew, minValid, ahead }',
      ),
    ],
    within: 200000,
  },
  {
    name: 'refreshes what another process has just refreshed',
    patches: [patch('refresh.ts', '    if (stored && (isNew || !forced)) return useStored(keeper, stored);\n', '')],
    within: 200,
  },
  {
    name: 'sends a refresh token again that was refused',
    patches: [
      patch(
        'refresh.ts',
        '    if (first.refusedAt !== undefined && !forced) return wasRefused(settings, first);\n',
        '',
      ),
    ],
    within: 1000,
  },
  {
    name: 'sends a refresh token again that was refused while it waited',
    patches: [
      patch(
        'refresh.ts',
        '    if (record.refusedAt !== undefined && first.refusedAt === undefined) return wasRefused(settings, record);\n',
        '',
      ),
    ],
    within: 1000,
  },
  {
    name: 'takes every error for a refusal',
    patches: [patch('refresh.ts', '    if (!settings.needsSignIn(error)) throw error;\n', '')],
    within: 200,
  },
  {
    name: 'quotes the refresh token in the event of a failure',
    patches: [patch('refresh.ts', 'describeError(error, secretsOf(record))', 'describeError(error, [])')],
    within: 200,
  },
  {
    name: 'takes the stored token for a forced call',
    patches: [patch('refresh.ts', 'if (stored && !isRejected) return', 'if (stored) return')],
    within: 200,
  },
  {
    name: 'does not know that the stored token was rejected, if none is in memory',
    patches: [
      patch(
        'refresh.ts',
        'forced && (!held || stored?.accessToken === held.accessToken)',
        'forced && stored?.accessToken === held?.accessToken',
      ),
    ],
    within: 200,
  },
  {
    name: 'takes the token that it knows for the one that it waits for',
    patches: [patch('refresh.ts', 'if (record?.accessToken !== first.accessToken) token =', 'token =')],
    within: 5000,
  },
];
