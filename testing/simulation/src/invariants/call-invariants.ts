import { secretMark } from '../models/provider.ts';
import { covers } from '../models/scopes.ts';
import type { Invariants } from './invariant.ts';
import { accessGiven, errorOf, familyGiven, goodSignIn, isForbidden, isOf, isUnwanted } from './questions.ts';

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
        return /^(TypeError|RangeError|ReferenceError|SyntaxError)$/.test(error.name)
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
        const { instance, method } = call;
        const family = method === 'read' || method === 'signIn' ? undefined : familyGiven(call, history);
        if (!family || covers(family.scope, instance.needs)) return undefined;
        const isOwn = history.families.some(
          ({ window, scope }) => window?.instance === instance && scope === family.scope,
        );
        return isOwn ? undefined : `sign-in ${family.id} has ${family.scope}`;
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
        const { instance, method, options, held, abortReason } = call;
        const error = errorOf(call);
        if (error === undefined) return undefined;
        const isOurs = error === abortReason || /SIGN_IN|CLOSED/.test(String(Object(error).code));
        if (method !== 'getToken' || options.forceRefresh || !error || isOurs || history.hasOddTime) return undefined;
        const expiresAt = history.accesses.get(held ?? '')?.expiresAt ?? 0;
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
