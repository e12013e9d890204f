import type { AccessToken } from 'shared-token';
import type { Access, RefreshCall } from '../facts.ts';
import { covers } from '../models/scopes.ts';
import { refreshTimeoutMs } from '../models/user-code.ts';
import type { Invariant } from './invariant.ts';
import {
  accessGiven,
  busySince,
  doClocksDiffer,
  errorOf,
  familyGiven,
  hasTwin,
  isAlone,
  isForbidden,
  isOf,
  neededMs,
  tokenOf,
} from './questions.ts';

/** What a call gives out, when it settles. */
export const tokenInvariants: readonly Invariant<'call-settled'>[] = [
  {
    promise: 'A token that is given out is of this client and name',
    check({ call }, history) {
      const family = familyGiven(call, history);
      return !family || isOf(family, call.instance)
        ? undefined
        : `sign-in ${family.id} is of ${family.clientId}, ${family.name}`;
    },
  },
  {
    promise: 'A token that is given out has the scopes that are needed, or those that its own sign-in brought',
    check({ call }, history) {
      const { instance, method, needs } = call;
      const family = method === 'read' || method === 'signIn' ? undefined : familyGiven(call, history);
      if (!family || covers(family.scope, needs)) return undefined;
      // Only if that was less than was needed then. When all trouble is over, none is on its way into the store, or waits for it.
      const mayWait = !history.isCalm || instance.storeFailures > 0;
      const isOwn = history.families.some(({ window, scope, wasStored }) => {
        const counts = window?.instance === instance && (wasStored || window.judgedAt || mayWait);
        return counts && scope === family.scope && !covers(scope, window.needs);
      });
      // Of two sign-ins that look like one, each may have brought the scopes; and after a third one whose clock was ahead, two do.
      const isTwin = history.families.some((each) => each.window?.instance === instance && hasTwin(each, history));
      return isOwn || isTwin || hasTwin(family, history) || doClocksDiffer(history)
        ? undefined
        : `sign-in ${family.id} has ${family.scope}`;
    },
  },
  {
    promise: 'A token that is given out is one that the provider gave',
    check({ call }, history) {
      const { accessToken } = Object(call.outcome && 'value' in call.outcome ? call.outcome.value : undefined);
      return accessToken === undefined || history.accesses.has(accessToken) ? undefined : accessToken;
    },
  },
  {
    promise:
      'A token that is given out is valid for as long as the call wants, unless a refresh failed, the store is silent, or its time is up',
    check({ call }, history) {
      const { method, options, instance, startedAtWallMs } = call;
      const access = method === 'getToken' || method === 'peek' ? accessGiven(call, history) : undefined;
      if (!access?.lifetimeMs || !access.family.hasRefreshTokens) return undefined;
      if (history.wasSilent(call) || history.hasStalled || doClocksDiffer(history)) return undefined;
      // Another program wrote without the lock. What comes in its place while a call waits counts to its end.
      if (history.families.some(({ isForeign }) => isForeign)) return undefined;
      const began = busySince(call);
      // It may have been stored long after it was issued, or could not be stored.
      const { issuedAt, storedAt = instance.storeFailures > 0 ? began : 0 } = access;
      if (Math.max(issuedAt, storedAt) >= began || instance.lastFailure >= began) return undefined;
      // A timer counts whole milliseconds.
      if (history.machine.now - call.startedAtMs > refreshTimeoutMs + 13_999) return undefined;
      const { bridge } = instance;
      if (bridge && bridge.token === access.value && bridge.untilMs >= call.startedAtMs) return undefined;
      const { expiresAt, obtainedAt } = tokenOf(call) as AccessToken;
      const needed = neededMs(expiresAt - obtainedAt, history, options);
      const left = expiresAt - startedAtWallMs;
      return left >= needed ? undefined : `${access.value} was valid for ${left} ms of ${needed} when the call began`;
    },
  },
  {
    promise: 'A token in memory does not outlive its end because the clock was set back',
    check({ call: { held, instance, startedAtMs } }, history) {
      const { wallNow, now } = history.machine;
      const access = history.accesses.get(held ?? '');
      const [clockSetAt = -1, ...later] = instance.clockSteps;
      const { step } = history.lastReadBy(instance.process, instance.name);
      // By the new time, the stored one may be good, also for a call that is under way. One whose caller has left goes on with what it has read.
      const wasBusy = [...instance.calls].some((each) => {
        const { startedAt, settledAt = clockSetAt, abortReason } = each;
        const goesOn = abortReason !== undefined && errorOf(each) === abortReason && step > startedAt;
        return startedAt < clockSetAt && (settledAt >= clockSetAt || goesOn);
      });
      // A refresh that fails goes by the wall clock.
      if (wasBusy || Math.max(step, instance.lastFailure) >= clockSetAt) return undefined;
      const given = [...instance.calls].find(
        (each) => each.settledAt !== undefined && each.settledAt < clockSetAt && accessGiven(each, history) === access,
      );
      // As it was told: who is not told when its sign-in was answered counts from when it knows.
      const { expiresAt = Number.POSITIVE_INFINITY } = (given && tokenOf(given)) ?? {};
      const hasExpired = expiresAt < wallNow - now + startedAtMs;
      return hasExpired && later.length === 0 ? `${held} has expired` : undefined;
    },
  },
  {
    promise: 'One instance gives no older token after a newer one',
    check({ call }, history) {
      const access = call.method === 'read' ? undefined : accessGiven(call, history);
      // A process that was stopped for longer than its lease goes on with what it had sent.
      if (!access || history.hasStalled) return undefined;
      // Without a new refresh token, the times of the records say which is newer.
      if (history.instances.some((each) => each !== call.instance && each.clockSteps.length > 0)) return undefined;
      const { calls, triedSignOuts, clockSteps } = call.instance;
      const spent = history.refreshCalls.filter(({ instance }) => instance === call.instance);
      // Nobody knows which of two refreshes is newer that went on at the same time because the store's clock was set.
      if (spent.some(({ holder }) => holder?.hasSlipped)) return undefined;
      const areSpentTwice = (each: readonly RefreshCall[]): boolean =>
        new Set(each.map(({ record }) => record.refreshToken)).size < each.length;
      const isSpentTwice = areSpentTwice(spent);
      // A late write stored it, and a call that rejected the newer one has found it in its place.
      const isFoundByForce = ({ issuedAt }: Access): boolean =>
        (areSpentTwice(history.refreshCalls) || (access.storedAt ?? 0) > issuedAt) &&
        [...calls].some((each) => each.options.forceRefresh && accessGiven(each, history) === access);
      const { refreshed } = call.instance;
      const isLater =
        refreshed && call.startedAt > refreshed.step && call.isUnlocked && access.family === refreshed.access.family;
      // Of two of one millisecond, nobody knows. And by a wall clock that was set back before, the newer one may be the first to expire.
      const { expiresAt: endsAt = Number.POSITIVE_INFINITY } = refreshed?.access ?? {};
      const isOver =
        endsAt === access.expiresAt ||
        endsAt <= Math.max(call.instance.process.wallNow, history.machine.wallNow) ||
        [...triedSignOuts, ...clockSteps].some((step) => step >= (refreshed?.step ?? 0));
      if (
        isLater &&
        !isOver &&
        !isSpentTwice &&
        access.generation < refreshed.access.generation &&
        !isFoundByForce(refreshed.access)
      )
        return `${access.value} after ${refreshed.access.value}, which its refresh has brought`;
      for (const each of calls) {
        const settledAt = each.settledAt ?? call.startedAt;
        if (each === call || each.method === 'read' || settledAt >= call.startedAt) continue;
        // A sign-out drops what could not be stored, even if it fails itself.
        if (triedSignOuts.some((step) => step >= settledAt)) continue;
        // A token of the future is not used.
        if (clockSteps.some((step) => step >= each.startedAt)) continue;
        // Of two answers to one refresh token, the one that was asked for later counts as the newer one: the provider alone knows.
        const [past, now] = [tokenOf(each)?.obtainedAt, tokenOf(call)?.obtainedAt];
        if (isSpentTwice && past !== undefined && now !== undefined && past <= now) continue;
        const before = accessGiven(each, history);
        if (before?.family === access.family && before.generation > access.generation && !isFoundByForce(before))
          return `${access.value} after ${before.value}`;
      }
      return undefined;
    },
  },
  {
    promise: 'After a sign-in of its own, an instance gives no token of an earlier one',
    check({ call }, history) {
      const { instance, method } = call;
      const access = method === 'read' ? undefined : accessGiven(call, history);
      const { signedIn, triedSignOuts } = instance;
      if (!access || !signedIn || signedIn.family.order <= access.family.order) return undefined;
      // The code of the earlier answer may arrive later.
      const wasAnsweredFirst = (access.family.signedInAtMs ?? -1) < (signedIn.family.signedInAtMs ?? 0);
      const isStoredAgain = history.storedAt(instance.name, { accessToken: access.value }) > signedIn.step;
      const isOver =
        call.startedAt < signedIn.step ||
        access.family.isForeign ||
        hasTwin(signedIn.family, history) ||
        // Then one that lasts longer may count as better, if the times do not say which is newer.
        [...instance.calls].some(({ options }) => options.minValid !== undefined) ||
        triedSignOuts.some((step) => step >= signedIn.step) ||
        signedIn.family.signedOut;
      const wasThere = (access.storedAt ?? access.issuedAt) < signedIn.step;
      // While the store fails, a refresh that began before the sign-in has all that there is.
      const hasEnded = [...history.accesses.values()].every(
        ({ family, expiresAt = Number.POSITIVE_INFINITY }) =>
          family !== signedIn.family || expiresAt <= history.machine.wallNow,
      );
      const isAll = hasEnded && access.storedAt === undefined;
      return wasAnsweredFirst && wasThere && !isOver && !isAll && !isStoredAgain && !doClocksDiffer(history)
        ? `${access.value} after sign-in ${signedIn.family.id}`
        : undefined;
    },
  },
  {
    promise: 'A token is stored before it is given out, or an event says that it was not',
    check({ call }, history) {
      const access = accessGiven(call, history);
      // Two sign-ins of one millisecond look like one, of which the other process has refreshed the token; and so do two after a third one
      // whose clock was ahead.
      const isTwin = access !== undefined && (hasTwin(access.family, history) || doClocksDiffer(history));
      const isKnown = !access || access.storedAt !== undefined || call.instance.storeFailures > 0 || isTwin;
      if (access && access.storedAt === undefined) call.instance.unstored.push(access);
      return isKnown ? undefined : `${access.value} was never stored`;
    },
  },
  {
    promise: 'A forced refresh does not give the rejected token',
    check({ call }, history) {
      const access = call.options.forceRefresh ? accessGiven(call, history) : undefined;
      // What it gave last, unless a later refresh has brought another one that no call has got yet.
      const rejected = call.held ?? call.given?.accessToken;
      return access && access.value === rejected ? `${access.value} again` : undefined;
    },
  },
  {
    promise: 'A forced refresh does not give the token that was stored before it, if none was in memory',
    check({ call }, history) {
      const { options, isFresh, stored, instance, startedAt } = call;
      if (!options.forceRefresh || !isFresh || stored?.accessToken === undefined) return undefined;
      // By clocks that differ, what the refresh brings may be older than what another call has read meanwhile.
      if (doClocksDiffer(history)) return undefined;
      // It was gone when the call looked, and then its own process stored it again.
      if (history.storedAt(instance.name, stored) > startedAt) return undefined;
      return accessGiven(call, history)?.value === stored.accessToken ? `${stored.accessToken} again` : undefined;
    },
  },
  {
    promise: 'A token that an API has rejected is not given out again, but by a process that has it in memory',
    check({ call }, history) {
      const access = call.method === 'read' ? undefined : accessGiven(call, history);
      const endedAt = call.instance.ended.get(access?.value ?? '');
      // The store could not take its mark, and the token that took its place in memory has ended as well.
      const { given } = call;
      const isForgotten = !access?.rejectedAt && given && given.expiresAt <= call.instance.process.wallNow;
      if (endedAt !== undefined && busySince(call) > endedAt && !isForgotten) return `${access?.value} had ended`;
      if (access?.rejectedAt === undefined || access.value === (call.held ?? call.given?.accessToken)) return undefined;
      // It came into memory after the call began.
      if (access.family.window?.instance === call.instance) return undefined;
      return busySince(call) > access.rejectedAt ? `${access.value} was rejected` : undefined;
    },
  },
  {
    promise: 'A token that is given out has not expired',
    check({ call }, history) {
      const { startedAtWallMs, instance } = call;
      const { accessToken, expiresAt, obtainedAt } = tokenOf(call) ?? {
        expiresAt: Number.POSITIVE_INFINITY,
        obtainedAt: 0,
      };
      const began = busySince(call);
      const { issuedAt = began, storedAt = 0, lifetimeMs, family } = accessGiven(call, history) ?? {};
      // Otherwise nobody knows, or nothing can be done about it.
      const mayBeRefreshed = lifetimeMs !== undefined && family?.hasRefreshTokens;
      // Of two sign-ins that look like one, the later one, which this call has waited for, gives the token of the earlier one.
      if (family && hasTwin(family, history)) return undefined;
      // By now: if the process was stopped after the call began, it looked later. If the refresh fails, it is better than none.
      const isOfFuture =
        mayBeRefreshed && obtainedAt > instance.process.wallNow + 30_000 && instance.lastFailure < began;
      if (expiresAt > startedAtWallMs && !isOfFuture) return undefined;
      if (Math.max(issuedAt, storedAt) >= began || instance.clockSteps.some((step) => step >= began)) return undefined;
      return isOfFuture ? `${accessToken} is of the future` : `${accessToken} had expired before the call`;
    },
  },
  {
    promise: 'A token that is given out says no later end than the provider does',
    check({ call }, history) {
      const { expiresAt } = tokenOf(call) ?? { expiresAt: 0 };
      const access = accessGiven(call, history);
      if (access?.expiresAt === undefined || doClocksDiffer(history)) return undefined;
      // Without `redeem`, SharedToken does not know when the code was sent.
      const isOfCode = access.generation === 1 && access.family.window && !access.family.window.redeems;
      return expiresAt > access.expiresAt && !isOfCode ? `${expiresAt - access.expiresAt} ms later` : undefined;
    },
  },
  {
    promise: 'What another process has signed out is not given out by a call that has read so',
    check({ call }, history) {
      const { instance, method, startedAt } = call;
      const access = method === 'getToken' ? accessGiven(call, history) : undefined;
      const read = history.lastReadBy(instance.process, instance.name);
      if (!access || read.record || read.step <= startedAt) return undefined;
      // A later read failed, perhaps in the same step, so that it gave what it had known before.
      if ((history.failedAt.get(instance.process) ?? -1) >= read.step) return undefined;
      // Its own process may have stored it since.
      if ((access.storedAt ?? access.issuedAt) >= startedAt) return undefined;
      return isAlone(call) && history.refreshAheadMs === 0 && instance.storeFailures === 0 && !history.wasSilent(call)
        ? `${access.value}, although no record is stored`
        : undefined;
    },
  },
  {
    promise: 'After a sign-out, its instance does not give out a token of before',
    check({ call }, history) {
      // A record that was read just before the sign-out may come just after it.
      const family = call.method === 'read' ? undefined : familyGiven(call, history);
      return family && isForbidden(family, call.instance) ? `sign-in ${family.id}` : undefined;
    },
  },
];
