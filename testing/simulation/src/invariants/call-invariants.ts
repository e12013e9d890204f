import { secretMark } from '../models/provider.ts';
import { covers } from '../models/scopes.ts';
import { refreshTimeoutMs } from '../models/user-code.ts';
import type { Invariants } from './invariant.ts';
import { accessGiven, errorOf, familyGiven, goodSignIn, isForbidden, isOf, isUnwanted, neededMs } from './questions.ts';

/** If the store has not answered for that long, a token that is still valid is given out. */
const silentAfterMs = 500;

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
    {
      promise: 'A call ends in a token, its own abort, what the user threw, or a SharedTokenError',
      check({ call }) {
        const error = errorOf(call);
        if (error === undefined || error === call.abortReason) return undefined;
        if (!(error instanceof Error)) return `${call.method}() threw ${error}`;
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
        // Only if that was less than was needed then.
        const isOwn = history.families.some(
          ({ window, scope }) =>
            window?.instance === instance && scope === family.scope && !covers(scope, window.needs),
        );
        return isOwn ? undefined : `sign-in ${family.id} has ${family.scope}`;
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
      promise: 'close() ends within refreshTimeout and 6 seconds',
      check({ call }, { machine, hasStalled }) {
        if (call.method !== 'close' || hasStalled) return undefined;
        const took = machine.now - call.startedAtMs;
        return took <= refreshTimeoutMs + 6_000 ? undefined : `it took ${took} ms`;
      },
    },
    {
      promise:
        'A token that is given out is valid for as long as the call wants, unless a refresh failed or the store is silent',
      check({ call }, history) {
        const { method, options, instance, startedAt, startedAtMs } = call;
        if (history.machine.now - startedAtMs >= silentAfterMs) return undefined;
        const access = method === 'getToken' || method === 'peek' ? accessGiven(call, history) : undefined;
        if (!access?.lifetimeMs || access.expiresAt === undefined || history.hasOddTime) return undefined;
        // Another process may have stored it long after it had it.
        const cameAt = Math.max(access.issuedAt, access.storedAt ?? 0);
        if (!access.family.hasRefreshTokens || cameAt >= startedAt || instance.lastFailure >= access.issuedAt)
          return undefined;
        const needed = neededMs(access.lifetimeMs, history, options);
        const left = access.expiresAt - history.machine.wallNow;
        return left >= needed ? undefined : `${access.value} is valid for ${left} ms of ${needed}`;
      },
    },
    {
      promise: 'A token in memory does not outlive its end because the clock was set back',
      check({ call: { held, instance, startedAtMs } }, history) {
        const { wallNow, now } = history.machine;
        const access = history.accesses.get(held ?? '');
        const [clockSetAt = -1, ...later] = instance.clockSteps;
        if (access?.expiresAt === undefined || access.expiresAt >= wallNow - now + startedAtMs) return undefined;
        // By the new time, the stored one may be good, also for a call that is under way.
        const wasBusy = [...instance.calls].some(
          (each) => each.startedAt < clockSetAt && (each.settledAt ?? clockSetAt) >= clockSetAt,
        );
        const { step } = history.lastReadBy(instance.process, instance.name);
        if (wasBusy || step >= clockSetAt) return undefined;
        const wasGiven = [...instance.calls].some(
          (each) =>
            each.settledAt !== undefined && each.settledAt < clockSetAt && accessGiven(each, history) === access,
        );
        return wasGiven && later.length === 0 ? `${held} has expired` : undefined;
      },
    },
    {
      promise: 'One instance gives no older token after a newer one',
      check({ call }, history) {
        const access = call.method === 'read' ? undefined : accessGiven(call, history);
        // A process that was stopped for longer than its lease goes on with what it had sent.
        if (!access || history.hasStalled) return undefined;
        for (const each of call.instance.calls) {
          if (each === call || each.method === 'read' || (each.settledAt ?? call.startedAt) >= call.startedAt) continue;
          const before = accessGiven(each, history);
          if (before?.family === access.family && before.generation > access.generation)
            return `${access.value} after ${before.value}`;
        }
        return undefined;
      },
    },
    {
      promise: 'A sign-in that was stored does not end in SIGN_IN_TIMEOUT',
      check({ call }, history) {
        if (Object(errorOf(call)).code !== 'SIGN_IN_TIMEOUT' || history.hasStalled) return undefined;
        const last = history.windows.findLast(({ instance }) => instance === call.instance);
        if (!last || last.openedAt < call.startedAt) return undefined;
        const family = history.families.find(({ window, wasStored }) => wasStored && window === last);
        return family && `sign-in ${family.id} is stored`;
      },
    },
    {
      promise: 'A token is stored before it is given out, or an event says that it was not',
      check({ call }, history) {
        const access = accessGiven(call, history);
        const isKnown = !access || access.storedAt !== undefined || call.instance.storeFailures > 0;
        if (access && access.storedAt === undefined) call.instance.unstored.push(access);
        return isKnown ? undefined : `${access.value} was never stored`;
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
        // The call may have joined a read that began before the sign-in was stored.
        const knewAt = Math.min(call.startedAt, history.lastReadBy(call.instance.process, call.instance.name).step);
        const isOld = stored?.storedAt !== undefined && stored.storedAt < knewAt;
        // What this instance has signed out is not good for it, even if the store could not delete it.
        const isOver =
          stored && (isForbidden(stored.family, call.instance) || isUnwanted(stored.family, call.instance));
        return isOld && !isOver ? `${reason}, although sign-in ${stored.family.id} is good` : undefined;
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
        const { instance, method, options, held, abortReason, startedAt } = call;
        const error = errorOf(call);
        if (error === undefined) return undefined;
        const isOurs = error === abortReason || /SIGN_IN|CLOSED/.test(String(Object(error).code));
        if (method !== 'getToken' || options.forceRefresh || !error || isOurs || history.hasOddTime) return undefined;
        // Then it was not the refresh that failed.
        const hasAsked = history.windows.some((window) => window.instance === instance && window.openedAt >= startedAt);
        const expiresAt = hasAsked ? 0 : (history.accesses.get(held ?? '')?.expiresAt ?? 0);
        return expiresAt > instance.process.wallNow ? `${held} is valid, and the call ends in ${error}` : undefined;
      },
    },
    {
      promise: 'A forced refresh does not give the rejected token',
      check({ call }, history) {
        const access = call.options.forceRefresh ? accessGiven(call, history) : undefined;
        return access && access.value === call.held ? `${access.value} again` : undefined;
      },
    },
    {
      promise: 'A forced refresh does not give the token that was stored before it, if none was in memory',
      check({ call }, history) {
        const { options, stored, isFresh } = call;
        if (!options.forceRefresh || !isFresh || stored === undefined) return undefined;
        return accessGiven(call, history)?.value === stored ? `${stored} again` : undefined;
      },
    },
    {
      promise: 'A token that an API has rejected is not given out again, but by a process that has it in memory',
      check({ call }, history) {
        const access = call.method === 'read' ? undefined : accessGiven(call, history);
        // If reads are late, the call may have joined one that began before.
        if (access?.rejectedAt === undefined || access.value === call.held || history.hasOddTime) return undefined;
        const knewAt = Math.min(call.startedAt, history.lastReadBy(call.instance.process, call.instance.name).step);
        return knewAt > access.rejectedAt ? `${access.value} was rejected` : undefined;
      },
    },
    {
      promise: 'A token that is given out has not expired',
      check({ call }, history) {
        const access = accessGiven(call, history);
        const { wallNow } = history.machine;
        if (
          call.method === 'read' ||
          !access ||
          history.hasOddTime ||
          access.expiresAt === undefined ||
          access.expiresAt > wallNow
        )
          return undefined;
        return `${access.value} expired ${wallNow - access.expiresAt} ms ago`;
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
  ],
  event: [
    {
      promise: 'No secret is in an event',
      check: ({ event }) => (hasSecret(event) ? JSON.stringify(event) : undefined),
    },
  ],
};
