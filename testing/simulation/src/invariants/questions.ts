/** What several invariants ask about the history. */
import type { TokenRecord } from 'shared-token';
import type { Call, Family, Instance, RefreshCall, Window } from '../facts.ts';
import type { History } from '../history.ts';
import { covers } from '../models/scopes.ts';
import { skewOf } from '../plan/plan.ts';

/** The other refresh, or question to the person, that is under way: not after a kill, or the end of its lease or of its patience. */
export function otherUnderWay<Each extends RefreshCall | Window>(
  { instance: { name } }: Each,
  all: readonly Each[],
  { machine }: History,
): Each | undefined {
  return all.find(({ instance, signal, holder, isSettled }) => {
    const isLost = signal.aborted || instance.process.isDead || (holder && holder.endsAt <= machine.now);
    return instance.name === name && !isSettled && !isLost;
  });
}

/** A record that does not say whose it is counts as every client's. */
export function isOf(family: Family, { name, clientId }: Instance): boolean {
  return family.name === name && (family.isBare || family.clientId === clientId);
}

/** Whether the stored record is of this client, has what the instance needs, and was not refused. */
function isFor(record: TokenRecord, { clientId, needs }: Instance, family: Family): boolean {
  const isOurs = record.clientId === undefined || record.clientId === clientId;
  return isOurs && record.refusedAt === undefined && covers(family.scope, needs);
}

/** The stored sign-in, if it can give the instance a token. A newer one of its own that the store has not taken yet counts instead. */
export function goodSignIn(instance: Instance, history: History): Family | undefined {
  const record = history.stored.get(instance.name);
  const family = history.familyOf(record);
  if (!record || !family || !isFor(record, instance, family)) return undefined;
  const isComing = ({ window, signedInAtMs, wasStored }: Family): boolean =>
    window?.instance === instance && signedInAtMs !== undefined && !wasStored;
  if (history.families.some(isComing)) return undefined;
  const token = history.refreshTokens.get(record.refreshToken ?? '');
  if (token) return token.spending || family.revoked ? undefined : family;
  // Without a refresh token, a call that forces ends it.
  const hasEnded = [...instance.calls].some(({ options }) => options.forceRefresh);
  return hasEnded || (record.expiresAt ?? Number.POSITIVE_INFINITY) <= history.machine.wallNow ? undefined : family;
}

/** The token that a call rejects if it forces: what its instance gave out last, or the stored one if that has read nothing yet. */
export function rejectedBy({ given, hasRead, stored }: Call): string | undefined {
  return given?.accessToken ?? (hasRead ? undefined : stored?.accessToken);
}

/** Whether the call may ask a person. */
export function mayAsk({ method, options, instance }: Call): boolean {
  return method === 'signIn' || (method === 'getToken' && options.interactive !== false && !instance.isSilent);
}

/** The step since which calls of its instance were under way all the time: this call may have joined what the first of them began. */
export function busySince({ instance, startedAt }: Call): number {
  let since = startedAt;
  for (const { settledAt = since, error, ...each } of [...instance.calls].reverse())
    if (settledAt >= since || error !== undefined) since = Math.min(since, each.startedAt);
  return since;
}

/** Whether a call that is under way, or whose work may go on because it ended in an error, forces a refresh. */
export function isForced({ calls }: Instance): boolean {
  return [...calls].some(({ options, token }) => options.forceRefresh && !token);
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

/** How the call took longer than that. */
export function tookLonger({ startedAtMs }: { startedAtMs: number }, { machine }: History, limitMs: number) {
  const took = machine.now - startedAtMs;
  return took > limitMs ? `it took ${took} ms` : undefined;
}
