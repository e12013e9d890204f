/** What several invariants ask about the history. */
import type { AccessToken, TokenRecord } from 'shared-token';
import type { Access, Call, Family, Instance, RefreshCall, Window } from '../facts.ts';
import type { History } from '../history.ts';
import { covers } from '../models/scopes.ts';
import { skewOf } from '../plan/plan.ts';

/** The other refresh, or question to the person, that is under way: not after a kill, or the end of its lease or of its patience. */
export function otherUnderWay<Each extends RefreshCall | Window>(
  { instance: { name } }: Each,
  all: readonly Each[],
  { machine }: History,
): Each | undefined {
  return all.find(
    ({ instance, signal, holder, isSettled }) =>
      instance.name === name &&
      !isSettled &&
      !signal.aborted &&
      !instance.process.isDead &&
      (!holder || holder.endsAt > machine.now),
  );
}

/** A record that does not say whose it is counts as every client's. */
export function isOf(family: Family, { name, clientId }: Instance): boolean {
  return family.name === name && (family.isBare || family.clientId === clientId);
}

/**
 * The stored sign-in, if it is of this client, has what the instance needs, and gives a token. Undefined if the instance has a newer one
 * that the store has not taken yet.
 */
export function goodSignIn(instance: Instance, history: History): Family | undefined {
  const record = history.stored.get(instance.name);
  const family = history.familyOf(record);
  if (!record || !family || ![undefined, instance.clientId].includes(record.clientId)) return undefined;
  if (!covers(family.scope, instance.needs) || record.refusedAt !== undefined) return undefined;
  const hasOther = ({ window, signedInAtMs, wasStored }: Family): boolean =>
    window?.instance === instance && signedInAtMs !== undefined && !wasStored;
  if (history.families.some(hasOther)) return undefined;
  const token = history.refreshTokens.get(record.refreshToken ?? '');
  if (token) return token.spending || family.revoked ? undefined : family;
  // Without a refresh token, a call that forces ends it.
  const hasEnded = [...instance.calls].some(({ options }) => options.forceRefresh);
  return hasEnded || (record.expiresAt ?? Number.POSITIVE_INFINITY) <= history.machine.wallNow ? undefined : family;
}

export function errorOf({ outcome }: Call): unknown {
  return outcome && 'error' in outcome ? outcome.error : undefined;
}

/** The `code` and the `reason` that the call ended in, if it did not give a token. */
export function endOf(call: Call): { readonly code?: string; readonly reason?: string } {
  return Object(errorOf(call));
}

/** The token that the call gave. A call of read() gives a record instead. */
export function tokenOf({ method, outcome }: Call): AccessToken | undefined {
  if (method === 'read' || !outcome || !('value' in outcome)) return undefined;
  return (outcome.value as AccessToken | undefined) ?? undefined;
}

/** The same as the provider knows it. */
export function accessGiven(call: Call, { accesses }: History): Access | undefined {
  return accesses.get(tokenOf(call)?.accessToken ?? '');
}

/** Whether the call may ask a person. */
export function mayAsk({ method, options, instance }: Call): boolean {
  return method === 'signIn' || (method === 'getToken' && options.interactive !== false && !instance.isSilent);
}

/** The step since which calls of its instance were under way all the time: this call may have joined what the first of them began. */
export function busySince({ instance, startedAt }: Call): number {
  let since = startedAt;
  for (const call of [...instance.calls].reverse())
    if (!call.outcome || (call.settledAt ?? 0) >= since || errorOf(call) !== undefined)
      since = Math.min(since, call.startedAt);
  return since;
}

/** Whether a call that is under way, or whose work may go on because it ended in an error, forces a refresh. */
export function isForced({ calls }: Instance): boolean {
  return [...calls].some((call) => call.options.forceRefresh && (!call.outcome || errorOf(call) !== undefined));
}

/** For how long a token of that lifetime has to be valid. What only its first moments would fulfil counts as half of its life. */
export function neededMs(
  lifetimeMs: number,
  { expirySkewMs, refreshAheadMs }: History,
  { minValid = 0, ahead = false }: { minValid?: number | undefined; ahead?: boolean } = {},
): number {
  const early = Math.min(skewOf(lifetimeMs, expirySkewMs) + (ahead ? refreshAheadMs : 0), lifetimeMs / 2);
  const needed = Math.max(early, minValid);
  return needed > 0.9 * lifetimeMs ? lifetimeMs / 2 : needed;
}

/** The lifetime that a record says; undefined if it does not. */
export function lifetimeOf({ obtainedAt, expiresAt }: TokenRecord): number | undefined {
  return obtainedAt === undefined || expiresAt === undefined ? undefined : expiresAt - obtainedAt;
}
