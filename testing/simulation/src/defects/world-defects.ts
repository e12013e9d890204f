import { type Defect, patch } from './defect.ts';

/** Mistakes that a reader planted who had not seen the invariants, and some that were true ones. Each needs a world that is unkind in one more way. */
export const worldDefects: readonly Defect[] = [
  {
    name: 'goes on with what its own sign-in brought although more is needed by now',
    patches: [
      patch(
        'acceptance.ts',
        'this.#granted = this.#accepts(record) ? undefined : scopesOf(record);',
        'this.#granted = scopesOf(record);',
      ),
    ],
    within: 1000,
  },
  {
    name: 'joins a refresh that is not enough any more',
    patches: [
      patch(
        'shared-token.ts',
        '(got.accessToken === rejected || !this.#keeper.acceptance.accepts(got))',
        'got.accessToken === rejected',
      ),
    ],
    within: 50000,
  },
  {
    name: 'accepts the rejected token from a refresh that began before',
    patches: [
      patch(
        'shared-token.ts',
        '(got.accessToken === rejected || !this.#keeper.acceptance.accepts(got))',
        '!this.#keeper.acceptance.accepts(got)',
      ),
    ],
    within: 200000,
  },
  {
    name: 'takes scopes in another order for other scopes',
    patches: [patch('acceptance.ts', "scope.split(' ').sort().join(' ')", 'scope')],
    within: 200000,
  },
  {
    name: 'forgets the scopes if the answer to a refresh names none',
    patches: [patch('token-response.ts', 'scope: tokens.scope ?? old?.scope,', 'scope: tokens.scope,')],
    within: 200,
  },
  {
    name: 'gives signIn the record that it compares with later',
    patches: [patch('sign-in.ts', 'const record = ours && { ...ours };', 'const record = ours;')],
    within: 5000,
  },
  {
    name: 'gives read() the record that is still to be stored',
    patches: [patch('shared-token.ts', 'return record && { ...record };', 'return record;')],
    within: 5000,
  },
  {
    name: 'gives callers a token that they can change',
    patches: [patch('token-in-memory.ts', 'Object.freeze(toAccessToken(record))', 'toAccessToken(record)')],
    within: 200,
  },
  {
    name: 'revokes the record of another client',
    patches: [patch('record-keeper.ts', 'return revoke && this.ours(applyChanges(', 'return revoke && (applyChanges(')],
    within: 5000,
  },
  {
    name: 'lets a listener that fails end the process',
    patches: [
      patch(
        'shared-token.ts',
        'if (onEvent) callUserCode(async () => onEvent(event, error)).catch(() => {});',
        'if (onEvent) void callUserCode(async () => onEvent(event, error));',
      ),
    ],
    within: 200,
  },
  {
    name: 'fails if a token has half a character',
    patches: [patch('shared-token-event.ts', 'secret.toWellFormed()', 'secret')],
    within: 2000,
  },
  {
    name: 'ends a stored sign-in in SIGN_IN_TIMEOUT if signIn goes on',
    patches: [
      patch(
        'sign-in.ts',
        'setDeadline(exchangeTimeout, () => late.resolve(kept));',
        'setDeadline(exchangeTimeout, () => giveUp(timeoutError(notFinished, settings.signInTimeout)));',
      ),
    ],
    within: 200,
  },
  {
    name: 'puts the token of a sign-in over a newer one when signIn ends',
    patches: [patch('shared-token.ts', 'return this.#memory.get() ?? stored;', 'return this.#memory.put(record);')],
    within: 200000,
  },
  {
    name: 'puts what it has read over what another call has brought',
    patches: [patch('shared-token.ts', 'before: forceRefresh ? held : before', 'before: this.#memory.record')],
    within: 20000,
  },
  {
    name: 'puts what a refresh ahead brought over a newer token',
    patches: [patch('shared-token.ts', 'record && this.#hold(record, work)', 'record && this.#memory.put(record)')],
    within: 200000,
  },
  {
    name: 'trusts a wall clock that was set back',
    patches: [
      patch(
        'token-in-memory.ts',
        'isStale(record, Date.now(), validity) || isStale(record, clock + clockOffset, validity)',
        'isStale(record, Date.now(), validity)',
      ),
    ],
    within: 50000,
  },
  {
    name: 'does not look at minValid of a token in memory if there is no skew',
    patches: [
      patch(
        'token-in-memory.ts',
        '{ skew: this.#skew, minValid }',
        '{ skew: this.#skew, minValid: this.#skew && minValid }',
      ),
    ],
    within: 5000,
  },
  {
    name: 'joins a refresh of a call that needs the token for less long',
    patches: [patch('silent-flight.ts', ' && (this.#request.minValid ?? 0) >= minValid', '')],
    within: 50000,
  },
  {
    name: 'refreshes at each call if minValid is nearly the life',
    patches: [
      patch(
        'usable-token.ts',
        'return needed > lifetime * (1 - longestSkewShare) ? lifetime / 2 : needed;',
        'return needed;',
      ),
    ],
    within: 200,
  },
  {
    name: 'bridges with a token for longer than it was asked to',
    patches: [
      patch('token-in-memory.ts', '    this.#bridgedUntil = now', '    if (bridgeMs > 0) this.#bridgedUntil = now'),
    ],
    within: 200000,
  },
  {
    name: 'asks a provider again before its retryAfter is over',
    patches: [
      patch('shared-token.ts', 'Math.max(took > slowRefreshMs ? took : 0, pauseMs)', 'Math.min(took, pauseMs)'),
    ],
    within: 200000,
  },
  {
    name: 'adds the refresh token of another sign-in',
    patches: [
      patch(
        'sign-in.ts',
        '...toRecord(settings, tokens), signedInAt',
        '...toRecord(settings, tokens, keeper.ours(stored)), signedInAt',
      ),
    ],
    within: 200,
  },
  {
    name: 'ends the token of a sign-in that cannot be refreshed before its time',
    patches: [patch('usable-token.ts', '  if (refreshToken === undefined) return now >= expiresAt;\n', '')],
    within: 1000,
  },
  {
    name: 'does not tell others that a token was rejected that cannot be refreshed',
    patches: [patch('refresh.ts', 'if (isRejected) await keeper.markRefused(record, rejectedToken);', '')],
    within: 50000,
  },
  {
    name: 'says that the provider refused, although the lock was lost',
    patches: [
      patch(
        'refresh.ts',
        '    if (lock.signal.aborted) throw lockLostError(lock);\n    await keeper.markRefused',
        '    await keeper.markRefused',
      ),
    ],
    within: 200000,
  },
  {
    name: 'believes a refusal of what another program has replaced',
    patches: [patch('refresh.ts', 'if (comparedToken(now) !== comparedToken(record)) return undefined;', 'void now;')],
    within: 200000,
  },
  {
    name: 'bridges although another process has signed out',
    patches: [patch('refresh.ts', "    if (known && !now) throw signInRequired('signed-out', settings);\n", '')],
    within: 200000,
  },
  {
    name: 'asks a person who has just signed out',
    patches: [
      patch(
        'sign-in.ts',
        "    if (request.seen !== undefined && !stored) throw signInRequired('signed-out', settings);\n",
        '',
      ),
    ],
    within: 200,
  },
  {
    name: 'writes after a sign-out what it owed before it',
    patches: [patch('record-keeper.ts', '    this.#owed = owed.filter(({ record }) => !record);\n', '')],
    within: 200000,
  },
  {
    name: 'drops an answer that comes after its deadline',
    patches: [patch('refresh.ts', 'answer.then(storeLate).catch(() => {});', 'void storeLate;')],
    within: 200000,
  },
  {
    name: 'waits for a write that is never answered',
    patches: [
      patch('record-keeper.ts', 'return await inTime(end - performance.now(), paid, silent);', 'return await paid;'),
    ],
    within: 200000,
  },
  {
    name: 'waits for other calls of the store that are never answered',
    patches: [patch('stored-record.ts', 'return inTime(answerLimitMs, call, silent);', 'return call;')],
    within: 2000,
  },
  {
    name: 'waits for a lock that is never answered',
    patches: [patch('run-exclusively.ts', 'Promise.race([notAnswered, released,', 'Promise.race([released,')],
    within: 200,
  },
  {
    name: 'waits for the release of a lock that is never answered',
    patches: [patch('run-exclusively.ts', 'releaseTimer = setTimeout(giveUp, releaseLimitMs);', '')],
    within: 1000,
  },
  {
    name: 'waits for a silent store when it is closed',
    patches: [
      patch(
        'shared-token.ts',
        'await inTime(lastWriteLimitMs, this.#keeper.close(), goOn).catch(goOn);',
        'await this.#keeper.close();',
      ),
    ],
    within: 200000,
  },
  {
    name: 'does not wait for writes that are under way when it is closed',
    patches: [patch('record-keeper.ts', '    await Promise.allSettled(this.#saving);\n', '')],
    within: 200000,
  },
];
