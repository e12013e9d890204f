import { type Defect, defect } from './defect.ts';

/** Mistakes in record.ts: what is known, and what is written. */
const recordDefects = [
  defect('writes without compare-and-swap', 1000, [
    'record.ts',
    'store.replace(name, comparedToken(before), next)',
    '(await store.set(name, next), true)',
  ]),
  defect('does not look before it writes again', 10000, [
    'record.ts',
    'if (mustLook || !isFirst) await',
    'if (mustLook) await',
  ]),
  defect('tries to write once', 200, [
    'record.ts',
    'if (this.#isClosed && this.#change === change)',
    'if (this.#change === change)',
  ]),
  defect('asks the store for two things at once', 5000, [
    'record.ts',
    'const before = this.#turn;',
    'const before = Promise.resolve();',
  ]),
  defect('hears what was asked before a sign-out', 'sign-out', [
    'record.ts',
    'if (!isLate && signOuts === this.signOuts) hear',
    'if (!isLate) hear',
  ]),
  defect('gives a token out before it is stored', 'lost-write', [
    'record.ts',
    'const storingLimitMs = 10_000;',
    'const storingLimitMs = 1;',
  ]),
  defect('does not tell that a token could not be stored', 200, [
    'record.ts',
    "    this.emit({ type: 'store-failed', error: describeError(error, secrets) }, error);\n",
    '    void secrets;\n',
  ]),
  defect('puts an answer that comes late over a newer token', 1000, [
    'record.ts',
    'else if (!isKnown) return Promise.resolve(false);',
    'else if (!isKnown) change.before = known;',
  ]),
  defect('puts a sign-in over any other one', 1000, [
    'record.ts',
    'else if (found && change.signIn && isEarlier(found, change)) change.before = found;',
    'else if (change.signIn) change.before = found;',
  ]),
  defect('drops a sign-in when the one before was refreshed', 200, [
    'record.ts',
    'else if (found && change.signIn && isEarlier(found, change)) change.before = found;\n',
    '',
  ]),
  defect('keeps a change over a sign-out', 1000, [
    'record.ts',
    '    if (change) this.#end(change, false);\n    let found',
    '    let found',
  ]),
  defect('keeps its token over a sign-out', 10000, [
    'record.ts',
    '    this.#granted = undefined;\n    this.#stored = undefined;\n',
    '    this.#granted = undefined;\n',
  ]),
  defect('says that a sign-out is done although a first record may be written after it', 5000, [
    'record.ts',
    '    await inserted;\n',
    '',
  ]),
  defect('writes a first record after a sign-out', 'sign-out', [
    'record.ts',
    '      if (signOuts !== this.signOuts) return false;\n',
    '      void signOuts;\n',
  ]),
  defect('shows a token of before a sign-out', 'lost-write', [
    'record.ts',
    'if (hasSameTokens(this.#stored?.record, change.before)) {',
    'if (change.next) {',
  ]),
  defect('does not try to write when it is closed', 'lost-write', [
    'record.ts',
    '    this.#change?.wake();\n    if (this.#change) await settled(this.#change.done.promise, lastWriteLimitMs);\n',
    '',
  ]),
  defect('uses the record of another client', 200, [
    'record.ts',
    'return held?.isOurs ? held.record',
    'return held ? held.record',
  ]),
  defect('trusts one clock', 'get-token', [
    'record.ts',
    ' || isStale(record, performance.now() + clockOffset, need)',
    '',
  ]),
  defect('asks again for what was just denied', 5000, [
    'record.ts',
    'this.#granted = signIn.isLess || signIn.isStepUp ?',
    'this.#granted = signIn.isLess && signIn.isStepUp && false ?',
  ]),
];

/** Mistakes in refresh.ts: the five steps under the lock. */
const refreshDefects = [
  defect('does not read again under the lock', 1000, [
    'refresh.ts',
    '    await look(stored, need);\n    const found',
    '    const found',
  ]),
  defect('spends the refresh token without a test write', 1000, [
    'refresh.ts',
    'if (!(await stored.prove(record))) continue;\n',
    '\n',
  ]),
  defect('sends with a lock that is lost', 20000, [
    'refresh.ts',
    '    if (lock.signal.aborted) throw lockLostError(lock);\n    // 3.',
    '    // 3.',
  ]),
  defect('releases the lock before the answer is stored', 'lost-write', [
    'refresh.ts',
    '      await stored.pending;\n',
    '',
  ]),
  defect('believes a refusal after the lock is lost', 'defects', [
    'refresh.ts',
    '      if (lock.signal.aborted) throw lockLostError(lock);\n      await mark',
    '      await mark',
  ]),
  defect('believes a refusal although another token is stored', 10000, [
    'refresh.ts',
    '      if (!isSame(stored.ours, record)) continue;\n',
    '',
  ]),
  defect('sends a refused token again', 200, [
    'refresh.ts',
    'if (refusedAt !== undefined && !resends) return',
    'if (false) return',
  ]),
  defect('gives a rejected token to the caller', 200, [
    'refresh.ts',
    "need.rejected ??= record?.accessToken ?? ''",
    "need.rejected ??= ''",
  ]),
  defect('drops the answer of a refresh that took too long', 'slow-refresh', [
    'refresh.ts',
    '    answer.then(storeLate, () => {});\n',
    '    answer.catch(() => {});\n    void storeLate;\n',
  ]),
  defect('waits for a refresh for ever', 5000, [
    'refresh.ts',
    'await inTime(refreshTimeout + abortGraceMs, answer, stop)',
    'await answer',
  ]),
  defect('takes a failure for a refusal', 200, ['refresh.ts', 'if (!settings.needsSignIn(error)) throw error;', '']),
  defect('does not notice a sign-out of another process', 20000, [
    'refresh.ts',
    '  if (!record && need.hasFound) throw',
    '  if (false) throw',
  ]),
  defect('gives out the old token after a sign-out of another process', 'sign-out', [
    'refresh.ts',
    "    if (!(await look(stored, need).catch(onFailure))) return needSignIn(settings, 'not-signed-in');\n",
    '    void onFailure;\n',
  ]),
  defect('does not mark what was rejected', 1000, [
    'refresh.ts',
    '  await markRefused(stored, record, rejectedToken);\n',
    '  void rejectedToken;\n',
  ]),
  defect('keeps a spent refresh token if the answer has no access token', 1000, [
    'refresh.ts',
    '    if (!next) throw error;',
    '    if (!next || error) throw error;',
  ]),
];

/** Mistakes in the files around them. */
const callDefects = [
  defect(
    'asks the person without the lock',
    200,
    ['sign-in.ts', 'await exclusively(store, {', 'await withoutLock(store, {'],
    [
      'sign-in.ts',
      'function timeoutError(',
      'const withoutLock = (...[, , task]: Parameters<typeof exclusively<UsableRecord>>) =>\n  task({ signal: new AbortController().signal }, () => {});\n\nfunction timeoutError(',
    ],
  ),
  defect('asks the person without a second look', 200, [
    'sign-in.ts',
    'const outcome = await request.lookAgain(signal);',
    'const outcome = (await stored.read(), undefined) as Outcome | undefined;',
  ]),
  defect('interrupts an exchange', 1000, ['sign-in.ts', "else if (step === 'ending') stop.abort", 'else stop.abort']),
  defect('stores a sign-in after a sign-out', 200, [
    'sign-in.ts',
    'const isStored = signOuts === stored.signOuts && (await',
    'const isStored = (await',
  ]),
  defect('loses a sign-in whose page fails', 1000, [
    'sign-in.ts',
    'return redeemed?.kept ?? keep(await answer);',
    'return keep(await answer);',
  ]),
  defect('never gives up on a call', 1000, [
    'shared-token.ts',
    'const storeLimitMs = 14_000;',
    'const storeLimitMs = 14_000_000;',
  ]),
  defect('bridges a forced call', 200, [
    'shared-token.ts',
    '(need.isForced ? undefined : stored.good',
    '(false ? undefined : stored.good',
  ]),
  defect('bridges nothing', 1000, [
    'shared-token.ts',
    '      if (!record) throw error;',
    '      if (!record || error) throw error;',
  ]),
  defect('refreshes for a call that the stored token would serve', 'get-token', [
    'shared-token.ts',
    'if (running && !hasLooked) {',
    'if (false) {',
  ]),
  defect('goes on after a sign-out', 1000, ['shared-token.ts', '    this.#signedOut.abort(reason);\n', '']),
  defect('does not wait for a request when it is closed', 'slow-refresh', [
    'shared-token.ts',
    '    await settled(\n      ended.then(() => this.#stored.beforeClose),\n      this.#settings.refreshTimeout,\n    );\n',
    '    void ended;\n',
  ]),
  defect('tries a refresh again although the provider asked for a pause', 'bridging', [
    'shared-token.ts',
    'Math.max(took > slowRefreshMs ? took : 0, retryAfterOf(error))',
    '0',
  ]),
  defect('takes every record for its own', 200, [
    'usable-token.ts',
    'storedClientId !== clientId) return false',
    'storedClientId !== clientId) return true',
  ]),
  defect('takes a token of the future for good', 'get-token', [
    'usable-token.ts',
    'return isFromFuture || now',
    'return now',
  ]),
  defect('does not notice the silence of a lock', 'silent-store', [
    'exclusively.ts',
    '    if (silence) return Promise.reject(silence);\n',
    '',
  ]),
  defect('hides no secret in an event', 200, [
    'shared-token-event.ts',
    'hidden.reduce((rest, secret) => rest.replaceAll(secret',
    'hidden.slice(0, 0).reduce((rest, secret) => rest.replaceAll(secret',
  ]),
  defect('forgets the refresh token that a provider keeps', 200, [
    'token-response.ts',
    'refreshToken = old?.refreshToken } = tokens',
    'refreshToken } = tokens',
  ]),
];

export const coreDefects: readonly Defect[] = [...recordDefects, ...refreshDefects, ...callDefects];
