import { type Defect, defect } from './defect.ts';

/** Mistakes that a reader planted who had not seen the invariants, and some that were true ones. Each needs a world that is unkind in one more way. */
export const worldDefects: readonly Defect[] = [
  defect('goes on with what its own sign-in brought although more is needed by now', 1000, [
    'acceptance.ts',
    'isLess = !this.#accepts(record);',
    'isLess = true;',
  ]),
  defect('joins a refresh that is not enough any more', 10000, [
    'shared-token.ts',
    'return isRejected || !this.#keeper.acceptance.accepts(record);',
    'return isRejected;',
  ]),
  defect('accepts the rejected token from a refresh that began before', 'newest-token', [
    'shared-token.ts',
    'record.accessToken === rejected || this.#memory.hasEnded(record)',
    'false',
  ]),
  defect('asks by turns with another process for what the person has denied to both', 1000, [
    'acceptance.ts',
    'return isSameClient && scopes.has(scopesOf(record));',
    'return isOfIt;',
  ]),
  defect('forgets the scopes if the answer to a refresh names none', 200, [
    'token-response.ts',
    'scope: tokens.scope ?? old?.scope,',
    'scope: tokens.scope,',
  ]),
  defect('gives signIn the record that it compares with later', 1000, [
    'sign-in.ts',
    'const record = ours && { ...ours };',
    'const record = ours;',
  ]),
  defect('gives read() the record that is still to be stored', 5000, [
    'shared-token.ts',
    'return record && { ...record };',
    'return record;',
  ]),
  defect('gives callers a token that they can change', 200, [
    'token-in-memory.ts',
    'Object.freeze(toAccessToken(record))',
    'toAccessToken(record)',
  ]),
  defect('revokes the record of another client', 1000, [
    'record-keeper.ts',
    'return revoke && this.ours(applyChanges(',
    'return revoke && (applyChanges(',
  ]),
  defect('lets a listener that fails end the process', 200, [
    'shared-token.ts',
    'if (onEvent) callUserCode(async () => onEvent(event, error)).catch(() => {});',
    'if (onEvent) void callUserCode(async () => onEvent(event, error));',
  ]),
  defect('fails if a token has half a character', 200, ['shared-token-event.ts', 'secret.toWellFormed()', 'secret']),
  defect('ends a stored sign-in in SIGN_IN_TIMEOUT if signIn goes on', 200, [
    'sign-in.ts',
    'giveUpAfter(exchangeTimeout, timeoutError(notFinished, settings.refreshTimeout), kept);',
    'giveUpAfter(exchangeTimeout, timeoutError(notFinished, settings.refreshTimeout));',
  ]),
  defect('puts the token of a sign-in over a newer one when signIn ends', 'redeem', [
    'shared-token.ts',
    'return this.#memory.good() ?? stored;',
    'return this.#memory.hold(record);',
  ]),
  defect('puts an older token over a newer one that has come into memory meanwhile', 'newest-token', [
    'token-in-memory.ts',
    '      if (!isOver(held) && (isLess ?? (!forced && this.good(minValid)))) return held;\n',
    '',
  ]),
  defect('goes by the times alone, and they may be those of one millisecond', 'newest-token', [
    'token-in-memory.ts',
    'wasReplaced || isOlder',
    'isOlder',
  ]),
  defect(
    'forgets what a refresh has brought if its callers have left',
    10000,
    ['silent-flight.ts', 'land(await', '(await'],
    [
      'silent-flight.ts',
      'bridge, signal }), !signal.aborted));',
      'bridge, signal }).then((outcome) => (signal.aborted ? (outcome as never) : land(outcome, true)))));',
    ],
  ),
  defect('gives a rejected token again if it was read before', 200, [
    'shared-token.ts',
    'this.#memory.reject(isItself',
    'void (isItself',
  ]),
  defect('trusts a wall clock that was set back', 'get-token', [
    'token-in-memory.ts',
    'isStale(record, Date.now(), validity) || isStale(record, clock + clockOffset, validity)',
    'isStale(record, Date.now(), validity)',
  ]),
  defect('does not look at minValid of a token in memory if there is no skew', 'min-valid', [
    'token-in-memory.ts',
    '{ skew: this.#skew, minValid }',
    '{ skew: this.#skew, minValid: this.#skew && minValid }',
  ]),
  defect('joins a refresh of a call that needs the token for less long', 1000, [
    'silent-flight.ts',
    '(minValid === 0 || minValid === enough)',
    'true',
  ]),
  defect('refreshes at each call if minValid is nearly the life', 1000, [
    'usable-token.ts',
    'return needed > lifetime * (1 - longestSkewShare) ? lifetime / 2 : needed;',
    'return needed;',
  ]),
  defect('bridges with a token for longer than it was asked to', 'bridging', [
    'token-in-memory.ts',
    '    this.#bridgedUntil = 0;\n',
    '',
  ]),
  defect('asks a provider again before its retryAfter is over', 'bridging', [
    'shared-token.ts',
    'Math.max(took > slowRefreshMs ? took : 0, retryAfterOf(outcome.error))',
    'Math.min(took, retryAfterOf(outcome.error))',
  ]),
  defect('adds the refresh token of another sign-in', 200, [
    'sign-in.ts',
    '...toRecord(settings, tokens), signedInAt',
    '...toRecord(settings, tokens, keeper.ours(stored)), signedInAt',
  ]),
  defect('ends the token of a sign-in that cannot be refreshed before its time', 1000, [
    'usable-token.ts',
    '  if (refreshToken === undefined) return now >= expiresAt;\n',
    '',
  ]),
  defect('does not tell others that a token was rejected that cannot be refreshed', 200, [
    'refresh.ts',
    'await keeper.markRefused(record, rejectedToken);',
    '',
  ]),
  defect('says that the provider refused, although the lock was lost', 'defects', [
    'refresh-once.ts',
    '    if (lock.signal.aborted) throw lockLostError(lock);\n    await keeper.markRefused',
    '    await keeper.markRefused',
  ]),
  defect('believes a refusal of what another program has replaced', 10000, [
    'refresh-once.ts',
    'if (!isSame) return undefined;',
    'void now;',
  ]),
  defect('bridges although another process has signed out', 20_000, [
    'refresh.ts',
    "    if (known && !now) throw signInRequired('signed-out', settings);\n",
    '',
  ]),
  defect('asks a person who has just signed out', 200, [
    'sign-in.ts',
    "    if (request.seen !== undefined && !stored) throw signInRequired('signed-out', settings);\n",
    '',
  ]),
  defect('writes after a sign-out what it owed before it', 5000, [
    'record-keeper.ts',
    '    this.#owed = [];\n    const forgotten',
    '    const forgotten',
  ]),
  defect('drops an answer that comes after its deadline', 1000, [
    'refresh-once.ts',
    'answer.then((response) => storeAnswer(keeper, { response, obtainedAt, signOuts }, record)).catch(() => {});',
    'answer.catch(() => {});',
  ]),
  defect('waits for a write that is never answered', 1000, [
    'record-keeper.ts',
    'return await inTime(startedAt + lockedLimitMs.passing - performance.now(), paid, silent);',
    'return await paid;',
  ]),
  defect('waits for other calls of the store that are never answered', 200, [
    'stored-record.ts',
    'return inTime(answerLimitMs, call, silent);',
    'return call;',
  ]),
  defect('waits for a lock that is never answered', 1000, [
    'run-exclusively.ts',
    '    refuse(silence);\n',
    '    void refuse;\n',
  ]),
  defect('waits for the release of a lock that is never answered', 1000, [
    'run-exclusively.ts',
    'releaseTimer = setTimeout(giveUp, releaseLimitMs, running);',
    'void giveUp;',
  ]),
  defect('waits for a silent store when it is closed', 5000, [
    'shared-token.ts',
    'await settled(this.#keeper.close(), lastWriteLimitMs);',
    'await this.#keeper.close();',
  ]),
  defect('takes what an earlier sign-in brings late for what its last one brought', 5000, [
    'sign-in.ts',
    'accept(isStored);',
    'accept(true);',
  ]),
  defect('does not bridge with what came into memory meanwhile', 5000, [
    'shared-token.ts',
    ' ?? this.#stillValid(this.#memory.record)',
    '',
  ]),
  defect('bridges with a token without expiry whose place a sign-in took', 'without-expiry', [
    'token-in-memory.ts',
    'return replaced.has(known.accessToken) && (hasEnded(record) || endsByRejection(known));',
    'return false;',
  ]),
  defect(
    'waits for a silent store if the token that it held had ended, although another one has come',
    'silent-store',
    [
      'shared-token.ts',
      'this.#stillValid(known) ?? this.#stillValid(this.#memory.record)',
      'this.#stillValid(known ?? this.#memory.record)',
    ],
  ),
  defect('puts what a forced refresh brings over a sign-in that came meanwhile', 'newest-token', [
    'shared-token.ts',
    'work.forced && work.signIns === this.#signIns',
    'work.forced',
  ]),
  defect('puts the token of a sign-in over that of one that began after it', 'newest-token', [
    'shared-token.ts',
    'this.#closing.signal.aborted || isLate',
    'this.#closing.signal.aborted',
  ]),
  defect('puts the token of a sign-in over a refresh of it by a computer whose clock is behind', 'newest-token', [
    'shared-token.ts',
    'held && held.signedInAt === record.signedInAt ? [held, record] : [record, held]',
    'held && held.signedInAt === record.signedInAt ? [record, undefined] : [record, held]',
  ]),
  defect('fails a call whose clock was set back if the store is slow', 5000, [
    'silent-flight.ts',
    'const bridge = bridgeOf(this.#bridge.record);',
    'const { record: known } = this.#bridge;\nconst isGood = known && (known.expiresAt ?? 9e15) > Date.now() && this.#keeper.acceptance.accepts(known);\nconst bridge = isGood ? known : bridgeOf();',
  ]),
  defect('ends by a forced call what an own sign-in is about to store', 'step-up', [
    'shared-token.ts',
    'acceptance.forgetStored()',
    'acceptance.forget()',
  ]),
  defect('leaves a full disk to the next holder of the lock, for which it may have room', 'lost-write', [
    'record-keeper.ts',
    'const lockedLimitMs = { passing: 10_000, other: 1_000 };',
    'const lockedLimitMs = { passing: 10_000, other: 0 };',
  ]),
  defect('counts an earlier sign-in that is stored late in place of a later one', 'step-up', [
    'acceptance.ts',
    'isStored ? this.#coming : [own]',
    '[own]',
  ]),
  defect('brings a rejected token into memory after a sign-out', 'sign-out', [
    'shared-token.ts',
    '        this.#assertSignedIn(work);\n        const ofNow',
    '        const ofNow',
  ]),
  defect('forgets what was denied when a forced call begins anew', 'step-up', [
    'shared-token.ts',
    'forceRefresh && !hasFound',
    'forceRefresh',
  ]),
  defect(
    'lets signIn() join a sign-in that heard late that it was stored',
    'newest-token',
    ['shared-token.ts', '      if (this.#signIn?.request === request) this.#signIn = undefined;\n', ''],
    [
      'shared-token.ts',
      '      this.#signIns++;\n',
      '      this.#signIns++;\n      if (this.#signIn?.request === request) this.#signIn = undefined;\n',
    ],
  ),
  defect('gives the first of two rejected tokens to a read of before', 'newest-token', [
    'token-in-memory.ts',
    '      if (wasReplaced && hasEnded(held.record)) return held;\n',
    '',
  ]),
];
