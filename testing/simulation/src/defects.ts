import type { Patch } from './machine/load-package.ts';

/** A mistake in shared-token's protocol, as other lines in the place of some of its own. */
export interface Defect {
  /** What the wrong code does. */
  readonly name: string;
  readonly patches: readonly Patch[];
  /** The simulation finds it within so many schedules, from seed 1 on. */
  readonly within: number;
}

const patch = (file: string, from: string, to: string): Patch => ({ file, from, to });

/**
 * Mistakes that the simulation has to find. `from` is a quotation of shared-token: if you change those lines, change them here as
 * well. If a mistake cannot be made any more, delete it.
 */
export const defects: readonly Defect[] = [
  {
    name: 'does not read again under the lock',
    patches: [
      patch(
        'refresh.ts',
        '    const record = await keeper.read();\n    // Thrown',
        '    const record = round === 0 ? first : await keeper.read();\n    // Thrown',
      ),
    ],
    within: 10000,
  },
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
    name: 'spends the refresh token without a test write',
    patches: [patch('refresh.ts', 'if (!(await keeper.ensureWritable(record))) continue;', '')],
    within: 1000,
  },
  {
    name: 'counts no sign-outs',
    patches: [patch('record-keeper.ts', '    this.signOuts++;\n', '')],
    within: 2000,
  },
  {
    name: 'refreshes without the lock',
    patches: [
      patch(
        'refresh.ts',
        'const outcome = await keeper.exclusively(settings.name, refresh, {',
        'const outcome = await withoutLock(refresh, {',
      ),
      patch(
        'refresh.ts',
        '/** undefined: another record is stored by now. */',
        'async function withoutLock<T>(task: (lock: Lock) => Promise<T>, _options: unknown): Promise<T> {\n  return task({ signal: new AbortController().signal });\n}\n\n/** undefined: another record is stored by now. */',
      ),
    ],
    within: 200,
  },
  {
    name: 'releases the lock while the request is under way',
    patches: [
      patch(
        'refresh.ts',
        '    return refreshInTurn(context, first, request, lock);',
        '    early = refreshInTurn(context, first, request, lock);\n    early.catch(() => {});\n    return undefined as never;',
      ),
      patch(
        'refresh.ts',
        '    return outcome;\n  } catch (error) {\n    if (!token',
        '    return outcome ?? (await early!);\n  } catch (error) {\n    if (!token',
      ),
      patch(
        'refresh.ts',
        '  let held: Lock | undefined;\n',
        '  let held: Lock | undefined;\n  let early: Promise<SilentOutcome> | undefined;\n',
      ),
    ],
    within: 200,
  },
  {
    name: 'releases the lock before the answer is stored',
    patches: [
      patch(
        'refresh.ts',
        '  if (!(await keeper.advance(record.refreshToken, next, lock))) return undefined;',
        '  void keeper.advance(record.refreshToken, next, lock).catch(() => {});',
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
        '    const outcome = await refreshOnce(context, record, lock);',
        "    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));\n    const outcome = await Promise.race([refreshOnce(context, record, lock), aborted]);",
      ),
    ],
    within: 1000,
  },
  {
    name: 'refreshes although the lock was lost',
    patches: [
      patch(
        'refresh.ts',
        '    if (lock.signal.aborted) throw lockLostError(lock);\n    const outcome',
        '    const outcome',
      ),
    ],
    within: 5000,
  },
  {
    name: 'waits for a refresh that never ends',
    patches: [patch('refresh.ts', '() => giveUp(limit.signal.reason)', '() => {}')],
    within: 2000,
  },
  {
    name: 'gives up with timers that do not keep the process alive',
    patches: [
      patch(
        'refresh.ts',
        '() => giveUp(limit.signal.reason), refreshTimeout + abortGraceMs);',
        '() => giveUp(limit.signal.reason), refreshTimeout + abortGraceMs).unref();',
      ),
      patch('refresh.ts', "'TimeoutError')), refreshTimeout);", "'TimeoutError')), refreshTimeout).unref();"),
    ],
    within: 1000,
  },
  {
    name: 'refreshes a short-lived token that came while it waited',
    patches: [
      patch(
        'refresh.ts',
        'isNew ? { skew: 0 } : { skew: settings.expirySkew, minValid }',
        '{ skew: settings.expirySkew, minValid }',
      ),
    ],
    within: 200,
  },
  {
    name: 'refreshes what another process has just refreshed',
    patches: [
      patch(
        'refresh.ts',
        '    if (stored && (isNew || !forced)) return useStored(context, stored);\n    if (!(await',
        '    if (!(await',
      ),
    ],
    within: 200,
  },
  {
    name: 'takes every error for a refusal',
    patches: [patch('refresh.ts', '    if (!settings.needsSignIn(error)) throw error;\n', '')],
    within: 200,
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
    within: 20000,
  },
  {
    name: 'quotes the refresh token in the event of a failure',
    patches: [patch('refresh.ts', 'describeError(error, secretsOf(record))', 'describeError(error, [])')],
    within: 200,
  },
  {
    name: 'keeps the token in memory after a sign-out',
    patches: [patch('shared-token.ts', '      this.#held = undefined;\n      // Flights', '      // Flights')],
    within: 2000,
  },
  {
    name: 'takes the stored token for a forced call',
    patches: [patch('refresh.ts', 'if (stored && !isRejected) return', 'if (stored) return')],
    within: 200,
  },
  {
    name: 'uses the records of other clients',
    patches: [
      patch(
        'usable-token.ts',
        'if (clientId !== undefined && storedClientId !== undefined && storedClientId !== clientId) return false;',
        '',
      ),
    ],
    within: 200,
  },
  {
    name: 'stores records without their client',
    patches: [patch('token-response.ts', 'clientId: clientId ?? old?.clientId', 'clientId: old?.clientId')],
    within: 200,
  },
  {
    name: 'forgets the refresh token if the answer has none',
    patches: [patch('token-response.ts', 'refreshToken = old?.refreshToken } = tokens', 'refreshToken } = tokens')],
    within: 200,
  },
  {
    name: 'asks the person without the sign-in lock',
    patches: [
      patch(
        'sign-in.ts',
        'return await keeper.exclusively(signInLockName(settings.name), inTurn, {',
        'return await withoutLock(inTurn, {',
      ),
      patch(
        'sign-in.ts',
        'function timeoutError(',
        'async function withoutLock<T>(task: (lock: Lock) => Promise<T>, _options: unknown): Promise<T> {\n  return task({ signal: new AbortController().signal });\n}\n\nfunction timeoutError(',
      ),
    ],
    within: 200,
  },
  {
    name: "waits for the person with the record's lock",
    patches: [
      patch(
        'sign-in.ts',
        'signInLockName(name: string): string {\n  return',
        "signInLockName(name: string): string {\n  if (name !== '') return name;\n  return",
      ),
    ],
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
    within: 2000,
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
];
