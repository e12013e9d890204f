import type { Access, Window } from '../facts.ts';
import { writeLimitMs } from '../history.ts';
import { secretMark } from '../models/provider.ts';
import { covers } from '../models/scopes.ts';
import { refreshTimeoutMs } from '../models/user-code.ts';
import type { Invariants } from './invariant.ts';
import {
  busySince,
  deniedBefore,
  errorOf,
  familyGiven,
  goodSignIn,
  isForbidden,
  isOf,
  isOurs,
  isUnwanted,
  mayGoOn,
  neededMs,
} from './questions.ts';
import { tokenInvariants } from './token-invariants.ts';

/** As `JSON.stringify(value).includes(secretMark)`, which takes ten times as long. */
function hasSecret(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(secretMark);
  if (typeof value !== 'object' || value === null) return false;
  for (const key in value) {
    if (key.includes(secretMark) || hasSecret((value as Record<string, unknown>)[key])) return true;
  }
  return false;
}

/** When a call of SharedToken settles, and when it tells of an event. */
export const callInvariants: Invariants = {
  'call-settled': [
    ...tokenInvariants,
    {
      promise: 'A call ends in a token, its own abort, what the user threw, or a SharedTokenError',
      check({ call }) {
        const error = errorOf(call);
        if (!call.outcome || 'value' in call.outcome || error === call.abortReason) return undefined;
        if (!(error instanceof Error)) return `${call.method}() threw ${error}`;
        if ([...call.instance.calls].some(({ abortReason }) => abortReason === error)) return 'another caller let go';
        return /^(TypeError|RangeError|ReferenceError|SyntaxError|URIError)$/.test(error.name)
          ? `${call.method}() threw ${error.stack ?? error}`
          : undefined;
      },
    },
    {
      promise: 'No secret is in a message of ours',
      check({ call }) {
        const error = errorOf(call);
        const isOurs = error instanceof Error && error.name === 'SharedTokenError';
        return isOurs && error.message.includes(secretMark) ? error.message : undefined;
      },
    },
    {
      promise: 'getToken() ends within refreshTimeout and 15 seconds, unless a person is asked',
      check({ call }, { machine, hasStalled }) {
        const { method, options, instance, startedAtMs } = call;
        const mayAsk = options.interactive !== false && !instance.isSilent;
        if (method !== 'getToken' || mayAsk || hasStalled) return undefined;
        const took = machine.now - startedAtMs;
        return took <= refreshTimeoutMs + 15_000 ? undefined : `it took ${took} ms`;
      },
    },
    {
      promise: 'getToken() ends for want of time after refreshTimeout and 14 seconds only',
      check({ call }, { machine }) {
        const isInTime = machine.now - call.startedAtMs < refreshTimeoutMs + 14_000;
        return isInTime && String(errorOf(call)).includes('No token came in time') ? `${errorOf(call)}` : undefined;
      },
    },
    {
      promise: 'If nothing goes wrong, getToken() ends within 5 seconds, and no call says that the store failed',
      check({ call }, { machine, hasStalled, hasOddTime, hasTrouble, hasStoreFailed }) {
        const { method, options, instance, startedAtMs } = call;
        if (hasStalled || hasOddTime || hasTrouble || hasStoreFailed) return undefined;
        const error = errorOf(call);
        if (Object(error).code === 'STORE') return `it ends in ${error}`;
        const mayAsk = options.interactive !== false && !instance.isSilent;
        const took = machine.now - startedAtMs;
        return method !== 'getToken' || mayAsk || took <= 5_000 ? undefined : `it took ${took} ms`;
      },
    },
    {
      promise: 'A call whose need the stored token meets waits for no refresh of another call',
      check({ call }, history) {
        const { instance, method, options, stored, startedAtMs, startedAtWallMs } = call;
        const { hasStalled, hasOddTime, hasStoreFailed, machine } = history;
        if (method !== 'getToken' || options.forceRefresh || hasStalled || hasOddTime || hasStoreFailed)
          return undefined;
        const { expiresAt = 0, obtainedAt = 0, refusedAt } = stored ?? {};
        const family = history.familyOf(stored);
        const isGood = family && isOurs(stored ?? {}, family, instance) && covers(family.scope, call.needs);
        const left = expiresAt - startedAtWallMs - neededMs(expiresAt - obtainedAt, history, options);
        const isThere = history.stored.get(instance.name)?.accessToken === stored?.accessToken;
        if (!isGood || !isThere || refusedAt !== undefined || left <= 0 || call.needs !== instance.needs)
          return undefined;
        const took = machine.now - startedAtMs;
        return took > 1_000 ? `it took ${took} ms` : undefined;
      },
    },
    {
      promise: 'close() ends within refreshTimeout and 6 seconds',
      check({ call }, { machine, hasStalled }) {
        if (call.method !== 'close' || hasStalled) return undefined;
        const took = machine.now - call.startedAtMs;
        return took <= refreshTimeoutMs + 6_000 ? undefined : `it took ${took} ms`;
      },
    },
    {
      promise: 'close() ends within 6 seconds if nothing is under way',
      check({ call }, { machine, hasStalled, refreshAheadMs }) {
        if (call.method !== 'close' || hasStalled || refreshAheadMs > 0) return undefined;
        const took = machine.now - call.startedAtMs;
        const isBusy = [...call.instance.calls].some((each) => each !== call && mayGoOn(each));
        return took <= 6_000 || isBusy ? undefined : `it took ${took} ms`;
      },
    },
    {
      promise: 'A sign-in that was stored in time does not end in SIGN_IN_TIMEOUT',
      check({ call }, history) {
        if (Object(errorOf(call)).code !== 'SIGN_IN_TIMEOUT' || history.hasStalled) return undefined;
        const last = history.windows.findLast(({ instance }) => instance === call.instance);
        if (!last || last.openedAt < call.startedAt) return undefined;
        const family = history.families.find(({ window, wasStored }) => wasStored && window === last);
        // By now, an API may have rejected its token, it may have ended by the clock of the process, or the instance may need more.
        const now = Math.max(history.machine.wallNow, call.instance.process.wallNow);
        const canRefresh = [...history.refreshTokens.values()].some((each) => each.family === family);
        const hasEnded = ({ expiresAt = Number.POSITIVE_INFINITY, rejectedAt }: Access): boolean =>
          rejectedAt !== undefined || (!canRefresh && expiresAt <= now);
        const isOver = [...history.accesses.values()].some((each) => each.family === family && hasEnded(each));
        if (
          !family ||
          family !== history.familyOf(history.stored.get(call.instance.name)) ||
          family.cameLate ||
          isOver ||
          !covers(family.scope, call.instance.needs)
        )
          return undefined;
        return `sign-in ${family.id} is stored`;
      },
    },
    {
      promise: 'SIGN_IN_REQUIRED comes only if no good sign-in is stored',
      check({ call }, history) {
        const error = errorOf(call);
        if (error === undefined) return undefined;
        const { code, reason } = Object(error) as { code?: string; reason?: string };
        if (code !== 'SIGN_IN_REQUIRED' || !/^(expired|refused|not-signed-in)$/.test(reason ?? '')) return undefined;
        const stored = goodSignIn(call.instance, history);
        // The call may have joined a read that began before the sign-in was stored. After a refusal, the record is read again.
        const refusals = history.refreshCalls
          .filter(({ instance, calledAt }) => instance === call.instance && calledAt > busySince(call))
          .flatMap(({ refusedAt = [] }) => refusedAt);
        const readAt = Math.min(call.startedAt, history.lastReadBy(call.instance.process, call.instance.name).step);
        // A record that has the mark of an earlier refusal is not sent, unless the call forces.
        const isMarked = !call.options.forceRefresh && call.stored?.refusedAt !== undefined;
        const isRefusal = reason === 'refused' && refusals.length > 0 && !isMarked;
        const knewAt = isRefusal ? Math.min(...refusals) : readAt;
        const isOld = stored?.storedAt !== undefined && stored.storedAt < knewAt;
        // What this instance has signed out is not good for it, even if the store could not delete it.
        const isOver =
          stored && (isForbidden(stored.family, call.instance) || isUnwanted(stored.family, call.instance));
        // The store owes this instance the newer sign-in that takes its place.
        const isReplaced = history.families.some(
          ({ window, order, signedInAtMs, wasStored }) =>
            window?.instance === call.instance &&
            signedInAtMs !== undefined &&
            !wasStored &&
            order > (stored?.family.order ?? 0),
        );
        return isOld && !isOver && !isReplaced ? `${reason}, although sign-in ${stored.family.id} is good` : undefined;
      },
    },
    {
      promise: 'A sign-out ends a call only if a person signed out',
      check({ call }, history) {
        const { reason } = Object(errorOf(call)) as { reason?: string };
        if (reason !== 'signed-out') return undefined;
        const { name } = call.instance;
        const wasSignedOut = history.instances.some((each) => each.name === name && each.triedSignOuts.length > 0);
        return wasSignedOut ? undefined : 'nobody signed out';
      },
    },
    {
      promise: 'A sign-out ends the calls of its instance that began before it, whatever else happens to them',
      check({ call }) {
        const { instance, method, startedAt, abortReason } = call;
        const error = errorOf(call);
        if (error === undefined || error === abortReason || (method !== 'getToken' && method !== 'signIn'))
          return undefined;
        const { code = '' } = Object(error) as { code?: string };
        const isEnded = instance.triedSignOuts.some((step) => step > startedAt);
        return isEnded && !/^(SIGN_IN_REQUIRED|CLOSED)$/.test(code) ? `it ends in ${error}` : undefined;
      },
    },
    {
      promise: 'signIn() asks the person, whatever is stored',
      check({ call }, history) {
        const family = call.method === 'signIn' ? familyGiven(call, history) : undefined;
        if (!family || family.window?.instance === call.instance) return undefined;
        // A sign-in that came too late may give the token of a newer one, also to calls that joined it after the question.
        const hasAsked = history.windows.some(({ instance }) => instance === call.instance);
        return hasAsked ? undefined : `nobody was asked, and sign-in ${family.id} was given out`;
      },
    },
    {
      promise: 'While the token in memory is valid, it bridges a refresh that fails',
      check({ call }, history) {
        const { instance, method, options, given, abortReason } = call;
        const error = errorOf(call);
        if (error === undefined || method !== 'getToken' || options.forceRefresh || given === undefined)
          return undefined;
        if (error === abortReason || /SIGN_IN|CLOSED/.test(String(Object(error).code))) return undefined;
        if (history.lastReadBy(instance.process, instance.name).record?.accessToken !== given.accessToken)
          return undefined;
        const family = history.accesses.get(given.accessToken)?.family;
        // Without a known end, or if a call has rejected it, a token ends when its refresh is refused, or is not possible after a sign-out
        // of whatever was there, or a sign-in of another client, of too little, or without a refresh token.
        const stored = history.familyOf(history.stored.get(instance.name));
        const isOurs = stored && isOf(stored, instance) && covers(stored.scope, instance.needs);
        const { accessToken } = given;
        const issuedAt = history.accesses.get(accessToken)?.issuedAt ?? 0;
        const hasEndedSince = history.families.some((each) => {
          if (each.name !== instance.name) return false;
          // What another program has stored is of the client that has refreshed it since.
          const isOther =
            each.clientId !== instance.clientId ||
            !covers(each.scope, instance.needs) ||
            !each.hasRefreshTokens ||
            each.revoked !== undefined;
          const isLater = each.wasStored && each.order > (family?.order ?? 0);
          return (isLater && isOther) || (each.signedOut && each.signedOut.step >= issuedAt);
        });
        const isGone =
          family?.revoked ||
          family?.signedOut ||
          hasEndedSince ||
          !isOurs ||
          history.stored.get(instance.name)?.refusedAt !== undefined;
        // A token that is within the skew is in memory, too.
        const isRejected = [...instance.calls].some(
          (each) => each.options.forceRefresh && (each.held ?? each.given?.accessToken) === accessToken,
        );
        const hasEnded = isGone && (isRejected || !history.accesses.get(accessToken)?.lifetimeMs);
        const isMeant = family?.hasRefreshTokens && !hasEnded && covers(family.scope, instance.needs);
        const began = busySince(call);
        const hasRefreshFailed = instance.lastFailure >= began && instance.lastSignInFailure < began;
        if (!isMeant || !hasRefreshFailed || instance.triedSignOuts.some((step) => step >= began)) return undefined;
        // One of a later sign-in came into memory by a late read, and a call has rejected it.
        const hasRejectedLater = [...instance.calls].some(({ options, held }) => {
          const { order = 0 } = history.accesses.get(held ?? '')?.family ?? {};
          return options.forceRefresh && order > family.order;
        });
        if (hasRejectedLater) return undefined;
        // What the refresh brought was enough when it began, and is in memory instead.
        const { step: refreshedAt = -1 } = instance.refreshed ?? {};
        if (refreshedAt >= began && call.needs !== instance.needs) return undefined;
        // Or no call has got it, and an API has rejected it.
        const { value: inMemory, family: ofMemory } = instance.refreshed?.access ?? {};
        const isForcedAway = [...instance.calls].some(({ options, held }) => options.forceRefresh && held === inMemory);
        if (ofMemory === family && inMemory !== accessToken && isForcedAway) return undefined;
        const wasSet = instance.clockSteps.length > 0;
        return given.expiresAt > instance.process.wallNow && !wasSet
          ? `${given.accessToken} is valid, and the call ends in ${error}`
          : undefined;
      },
    },
    {
      promise: 'A process that has lost its lock does not believe a refusal',
      check({ call }, history) {
        const { reason } = Object(errorOf(call)) as { reason?: string };
        const stored = history.stored.get(call.instance.name);
        if (reason !== 'refused' || stored?.refusedAt !== undefined) return undefined;
        const last = history.refreshCalls.findLast(({ instance }) => instance === call.instance);
        const family = history.familyOf(stored);
        // What cannot be refreshed is refused by an API; and so may be a sign-in that could not be stored yet.
        const { family: rejected = family } = history.accesses.get(call.held ?? '') ?? {};
        const isOfIt = last && history.familyOf(last.record) === family && rejected === family;
        return isOfIt && last.hasLostLock && last.calledAt > busySince(call)
          ? 'it had lost it before the answer'
          : undefined;
      },
    },
    {
      promise: 'close() and signOut() end the question to the person',
      check({ call }, { windows }) {
        const { method, instance, startedAt } = call;
        if (method !== 'close' && method !== 'signOut') return undefined;
        const isOpen = ({ signal, isExchanging, isSettled, openedAt, ...window }: Window): boolean =>
          window.instance === instance && openedAt < startedAt && !isExchanging && !isSettled && !signal.aborted;
        return windows.some(isOpen) ? 'it goes on' : undefined;
      },
    },
    {
      promise: 'No call misses what was denied, until a call forces or a person signs out',
      check({ call }, history) {
        const { reason } = Object(errorOf(call)) as { reason?: string };
        return reason === 'not-accepted' ? deniedBefore(call.instance, history) : undefined;
      },
    },
    {
      promise: 'A sign-out is not done while a write of before may come after it',
      check({ call }, { waiting }) {
        const { method, outcome, instance, startedAt } = call;
        if (method !== 'signOut' || !outcome || 'error' in outcome) return undefined;
        const mayFollow = [...(waiting.get(instance.process) ?? [])].find(
          ({ label, askedAt }) => askedAt < startedAt && (label === 'insert' || label === 'set'),
        );
        return mayFollow && 'one is not answered';
      },
    },
    {
      promise: 'The exchange of a code ends by refreshTimeout alone',
      check: ({ call }, { windows }) =>
        windows.some(({ instance, wasCutOff }) => instance === call.instance && wasCutOff)
          ? 'its signal aborted before'
          : undefined,
    },
  ],
  event: [
    {
      promise: 'No secret is in an event',
      check: ({ event }) => (hasSecret(event) ? JSON.stringify(event) : undefined),
    },
    {
      promise: 'An answer that cannot be stored is told after 10 seconds and the pause between two attempts',
      check({ event, instance }, history) {
        if (event.type !== 'store-failed' || history.hasStalled) return undefined;
        const own = history.refreshCalls.filter((each) => each.instance === instance);
        if (own.some((each) => each.isTooLate)) return undefined;
        const call = own.at(-1);
        if (!call?.answeredAtMs || call.isKeptInMemory) return undefined;
        const isOver = history.stored.get(instance.name)?.accessToken !== call.record.accessToken;
        const isStored = isOver || call.brought?.storedAt !== undefined;
        // It may be a sign-in that cannot be stored.
        const mayBeSignIn = history.windows.some((each) => each.instance === instance && !each.judgedAt);
        const tookMs = history.machine.now - call.answeredAtMs;
        return tookMs > writeLimitMs + 1_000 && !isStored && !mayBeSignIn ? `after ${tookMs} ms` : undefined;
      },
    },
  ],
};
