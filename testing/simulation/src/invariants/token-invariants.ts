import { covers } from '../models/scopes.ts';
import type { Invariant } from './invariant.ts';
import { accessGiven, busySince, endOf, isOf, neededMs, tokenOf } from './questions.ts';

/** What a call gives out, when it settles. */
export const tokenInvariants: readonly Invariant<'call-settled'>[] = [
  {
    promise: 'A token that is given out is one that the provider gave to this client',
    check({ call }, history) {
      const token = tokenOf(call);
      const family = accessGiven(call, history)?.family;
      return !token?.accessToken || (family && isOf(family, call.instance)) ? undefined : token.accessToken;
    },
  },
  {
    promise: 'A token that is given out has the scopes that are needed, or those that its own sign-in brought',
    check({ call: { instance, method, needs, ...call } }, history) {
      const family = accessGiven({ instance, method, needs, ...call }, history)?.family;
      if (!family || method === 'signIn' || covers(family.scope, needs)) return undefined;
      const isDenied = history.families.some(
        ({ window, scope }) => window?.instance === instance && scope === family.scope && !covers(scope, window.needs),
      );
      return isDenied ? undefined : `sign-in ${family.id} has ${family.scope}`;
    },
  },
  {
    promise: 'A token that is given out is valid for as long as the call wants',
    unless: ['clock', 'stop', 'network', 'late', 'store', 'kill', 'lease'],
    check({ call }, history) {
      const access = call.method === 'getToken' ? accessGiven(call, history) : undefined;
      const token = tokenOf(call);
      if (!access?.lifetimeMs || !token || !access.family.hasRefreshTokens) return undefined;
      if (access.issuedAt >= busySince(call) || (access.storedAt ?? 0) >= busySince(call)) return undefined;
      const needed = neededMs(token.expiresAt - token.obtainedAt, history, call.options);
      const left = token.expiresAt - call.startedAtWallMs;
      return left >= needed ? undefined : `${access.value} was valid for ${left} ms of ${needed} when the call began`;
    },
  },
  {
    promise: 'A token that is given out has not expired',
    unless: ['clock'],
    check({ call }, history) {
      const { expiresAt = Number.POSITIVE_INFINITY } = tokenOf(call) ?? {};
      const { issuedAt = 0, storedAt = 0, value } = accessGiven(call, history) ?? {};
      const isNew = Math.max(issuedAt, storedAt) >= busySince(call);
      return expiresAt > call.startedAtWallMs || isNew ? undefined : `${value} had expired before the call`;
    },
  },
  {
    promise: 'A token that a refresh has brought says no later end than the provider does',
    unless: ['clock'],
    check({ call }, history) {
      const { expiresAt = 0 } = tokenOf(call) ?? {};
      const access = accessGiven(call, history);
      if (access?.expiresAt === undefined || access.generation === 1) return undefined;
      return expiresAt > access.expiresAt ? `${expiresAt - access.expiresAt} ms later` : undefined;
    },
  },
  {
    promise: 'One instance gives no older token after a newer one',
    unless: ['clock', 'stop', 'lease', 'store'],
    check({ call }, history) {
      const [before, now] = [history.accesses.get(call.given?.accessToken ?? ''), accessGiven(call, history)];
      if (!before || !now) return undefined;
      const isOlder =
        before.family === now.family
          ? now.generation < before.generation
          : before.family.window?.instance === call.instance && now.family.id < before.family.id;
      return isOlder ? `${now.value} after ${before.value}` : undefined;
    },
  },
  {
    promise: 'A token is stored before it is given out, or an event says that it was not',
    check({ call }, history) {
      const access = accessGiven(call, history);
      const isKnown = !access || access.storedAt !== undefined || call.instance.hasSaidStoreFailed;
      return isKnown ? undefined : `${access.value} was never stored`;
    },
  },
  {
    promise: 'A forced refresh does not give the rejected token',
    unless: ['foreign'],
    check({ call }, history) {
      const { options, instance, given, stored } = call;
      if (!options.forceRefresh) return undefined;
      // A process that has given no token yet has got it from the store.
      const rejected = given ?? (instance.calls.size === 1 ? stored : undefined);
      const access = accessGiven(call, history);
      return access && access.value === rejected?.accessToken ? `${access.value} again` : undefined;
    },
  },
  {
    promise: 'A token that was rejected is not given again to the instance that rejected it, until it signs out',
    check({ call }, history) {
      const { instance, startedAt } = call;
      const since = Math.max(0, ...instance.triedSignOuts);
      const access = accessGiven(call, history);
      const hasRejected = [...instance.calls].some((each) => {
        const { options, settledAt = startedAt, given } = each;
        // What has no refresh token has ended.
        const hasEnded = endOf(each).reason === 'refused' && !access?.family.hasRefreshTokens;
        const isDone = tokenOf(each) || hasEnded;
        return (
          access &&
          options.forceRefresh &&
          each.startedAt > since &&
          settledAt < startedAt &&
          given?.accessToken === access.value &&
          isDone
        );
      });
      return hasRejected ? `${access?.value} again` : undefined;
    },
  },
  {
    promise: 'After a sign-out, its instance gives no token of before',
    check({ call }, history) {
      const family = accessGiven(call, history)?.family;
      const { signOuts, process } = call.instance;
      const isOwn = family?.window?.instance === call.instance;
      const isOver = isOwn && signOuts.some((startedAt) => startedAt >= (family.window?.openedAt ?? 0));
      const isGone = family?.signedOut?.by === process && family.signedOut.step < call.startedAt;
      return isOver || isGone ? `sign-in ${family?.id}` : undefined;
    },
  },
];
