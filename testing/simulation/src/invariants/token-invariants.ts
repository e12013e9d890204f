import { covers } from '../models/scopes.ts';
import type { Promises } from './invariant.ts';
import { busySince, isOf, neededMs, rejectedBy } from './questions.ts';

/** What a call gives out, when it settles. */
export const tokenInvariants: Promises<'call-settled'> = {
  'A token that is given out is one that the provider gave to this client'({ call: { token, access, instance } }) {
    return !token || (access && isOf(access.family, instance)) ? undefined : token.accessToken;
  },
  'A token that is given out has the scopes that are needed, or those that its own sign-in brought'({ call }, history) {
    const { instance, method, needs, access } = call;
    if (!access || method === 'signIn' || covers(access.family.scope, needs)) return undefined;
    // Its person has denied what was asked for.
    const isDenied = history.families.some(
      ({ window, scope }) =>
        window?.instance === instance && scope === access.family.scope && !covers(scope, window.needs),
    );
    return isDenied ? undefined : `sign-in ${access.family.id} has ${access.family.scope}`;
  },
  'A token that is given out is valid for as long as the call wants, if nothing goes wrong'({ call }, history) {
    const { token, access, method, startedAtWallMs } = call;
    if (!token || !access?.family.hasRefreshTokens || method !== 'getToken' || history.troubles.size > 0)
      return undefined;
    const isNew = Math.max(access.issuedAt, access.storedAt ?? 0) >= busySince(call);
    const needed = neededMs(token.expiresAt - token.obtainedAt, history, call.options);
    const left = token.expiresAt - startedAtWallMs;
    return isNew || !access.lifetimeMs || left >= needed ? undefined : `${access.value} was valid for ${left} ms`;
  },
  'A token that is given out has not expired'({ call }, history) {
    const { token, access, startedAtWallMs } = call;
    if (!token || !access || history.had('clock')) return undefined;
    const isNew = Math.max(access.issuedAt, access.storedAt ?? 0) >= busySince(call);
    return token.expiresAt > startedAtWallMs || isNew ? undefined : `${access.value} had expired before the call`;
  },
  'A token that a refresh has brought says no later end than the provider does'({ call: { token, access } }, history) {
    if (!token || !access?.expiresAt || access.generation === 1 || history.had('clock')) return undefined;
    return token.expiresAt > access.expiresAt ? `${token.expiresAt - access.expiresAt} ms later` : undefined;
  },
  'One instance gives no older token after a newer one'({ call: { access, given, instance } }, history) {
    const before = history.accesses.get(given?.accessToken ?? '');
    if (!before || !access || history.had('clock', 'stop', 'lease', 'store')) return undefined;
    const isOwn = before.family.window?.instance === instance;
    const isOlder =
      before.family === access.family ? access.generation < before.generation : access.family.id < before.family.id;
    return isOlder && (isOwn || before.family === access.family) ? `${access.value} after ${before.value}` : undefined;
  },
  'A token is stored before it is given out, or an event says that it was not'({ call: { access, instance } }) {
    const isTold = access?.storedAt !== undefined || instance.hasSaidStoreFailed;
    return access && !isTold ? `${access.value} was never stored` : undefined;
  },
  'A forced refresh does not give the rejected token'({ call }, history) {
    const { options, access } = call;
    const isSame = options.forceRefresh && access && access.value === rejectedBy(call);
    return isSame && !history.had('foreign') ? `${access.value} again` : undefined;
  },
  'A token that was rejected is not given again to its instance, until it signs out'({ call }, history) {
    // Another program, or a late write, has stored it again.
    if (history.had('foreign', 'store', 'late')) return undefined;
    const { instance, startedAt, access } = call;
    const since = Math.max(0, ...instance.triedSignOuts);
    const hasRejected = [...instance.calls].some((each) => {
      const { options, settledAt = startedAt } = each;
      // What has no refresh token has ended. Otherwise it may be all that there is.
      const isDone = each.token || (each.reason === 'refused' && !access?.family.hasRefreshTokens);
      const isBefore = each.startedAt > since && settledAt < startedAt;
      return options.forceRefresh && isBefore && isDone && rejectedBy(each) === access?.value;
    });
    return access && hasRejected ? `${access.value} again` : undefined;
  },
  'After a sign-out, its instance gives no token of before'({ call: { access, instance, startedAt } }) {
    if (!access) return undefined;
    const { window, signedOut, id } = access.family;
    const isOwn = window?.instance === instance && instance.signOuts.some((step) => step >= window.openedAt);
    const isGone = signedOut?.by === instance.process && signedOut.step < startedAt;
    return isOwn || isGone ? `sign-in ${id}` : undefined;
  },
};
