/** What several invariants ask about the history. */
import type { AccessToken, TokenRecord } from 'shared-token';
import type { Call, Family, Holder, Instance, RefreshCall, Window } from '../facts.ts';
import type { History } from '../history.ts';
import { covers } from '../models/scopes.ts';
import { skewOf } from '../plan/plan.ts';

/** The one that is under way, if this one has the lock. If not, that is another promise. */
export function otherUnderWay<Each extends RefreshCall | Window>(
  { instance, holder }: Each,
  all: readonly Each[],
  history: History,
): Each | undefined {
  if (!holder || holder.endsAt <= history.machine.now) return undefined;
  return all.find((each) => each.instance.name === instance.name && isUnderWay(each, history));
}

/** Whether SharedToken must still keep others from doing the same: not after a kill, the end of the lease or of its patience. */
function isUnderWay({ instance, signal, holder, isSettled }: RefreshCall | Window, { machine }: History): boolean {
  return !isSettled && !signal.aborted && !instance.process.isDead && (!holder || holder.endsAt > machine.now);
}

/** Whether a process has the lock, or may think so because the store's clock was set. */
export function isHeld(holder: Holder | undefined, { machine }: History): boolean {
  return holder !== undefined && holder.knownEndsAt > machine.now;
}

/** A record that does not say whose it is counts as every client's. */
export function isOf(family: Family, { name, clientId }: { name: string; clientId: string }): boolean {
  return family.name === name && (family.isBare || family.clientId === clientId);
}

/** The same for a record. What another program has stored is of the client that has refreshed it since. */
export function isOurs({ clientId }: TokenRecord, family: Family, instance: Instance): boolean {
  return isOf(family, instance) && [undefined, instance.clientId].includes(clientId);
}

/** The stored sign-in, if it is of this client, has what the instance needs, and gives a token. */
export function goodSignIn(
  instance: Instance,
  history: History,
): { family: Family; storedAt: number | undefined } | undefined {
  const record = history.stored.get(instance.name);
  const family = history.familyOf(record);
  if (!record || !family || !isOurs(record, family, instance) || !covers(family.scope, instance.needs))
    return undefined;
  // A newer sign-in of this instance counts, even if the store could not take it. The clocks say which one is newer.
  const isUnclear = family.isForeign || doClocksDiffer(history);
  const isOlder = history.families.some(
    ({ window, order, wasStored }) =>
      window?.instance === instance && window.judgedAt && (order > family.order || isUnclear) && !wasStored,
  );
  if (isOlder) return undefined;
  const token = history.refreshTokens.get(record.refreshToken ?? '');
  const since = ({ storedAt }: { storedAt?: number }) => ({
    family,
    storedAt: storedAt && Math.max(storedAt, history.storedAt(instance.name, record)),
  });
  if (token) return family.revoked || token.spending ? undefined : since(token);
  const { accessToken = '', expiresAt = Number.POSITIVE_INFINITY, refusedAt } = record;
  // Without a refresh token, a call that forces ends it.
  const isEnded = refusedAt !== undefined || [...instance.calls].some(({ options }) => options.forceRefresh);
  const access = history.accesses.get(accessToken);
  return !access || isEnded || expiresAt <= history.machine.wallNow || history.hasOddTime ? undefined : since(access);
}

/** Whether another sign-in began in the same millisecond: nobody does that, and SharedToken cannot tell them apart. */
export function hasTwin(family: Family, { families }: History): boolean {
  const { signedInAtWallMs: at } = family;
  return at !== undefined && families.some((each) => each !== family && each.signedInAtWallMs === at);
}

/** Whether the wall clocks of the processes disagree, or did. Then times in records of several processes cannot be compared. */
export function doClocksDiffer({ instances }: History): boolean {
  return instances.some(({ clockSteps }) => clockSteps.length > 0);
}

export function errorOf({ outcome }: Call): unknown {
  return outcome && 'error' in outcome ? outcome.error : undefined;
}

/** The token that the call gave. A call of read() gives a record instead. */
export function tokenOf({ method, outcome }: Call): AccessToken | undefined {
  if (method === 'read' || !outcome || !('value' in outcome)) return undefined;
  return (outcome.value as AccessToken | undefined) ?? undefined;
}

export function accessGiven({ outcome }: Call, { accesses }: History) {
  if (!outcome || !('value' in outcome)) return undefined;
  const accessToken = (outcome.value as { accessToken?: string } | null | undefined)?.accessToken;
  return accessToken === undefined ? undefined : accesses.get(accessToken);
}

/** Whether what the call began may be under way: it goes on after its caller let go, or had to wait for too long. */
export function mayGoOn({ outcome, abortReason, mayGoOn }: Call): boolean {
  // What the provider said ends the work of all who wait for it.
  const isOurError = outcome !== undefined && 'error' in outcome && Object(outcome.error).name === 'SharedTokenError';
  return !outcome || abortReason !== undefined || isOurError || mayGoOn === true;
}

/** The step since which calls of its instance were under way all the time: this call may have joined what the first of them began. */
export function busySince({ instance, startedAt }: Call): number {
  let since = startedAt;
  for (const { startedAt, settledAt = startedAt, outcome, mayGoOn } of [...instance.calls].reverse())
    if (!outcome || mayGoOn || settledAt >= since) since = Math.min(since, startedAt);
  return since;
}

/** Whether nothing else of its instance was under way since this one began: no call, and nothing that a call of before had begun. */
export function isAlone(call: Call): boolean {
  return [...call.instance.calls].every((each) => {
    const hasEnded = each.settledAt !== undefined && each.settledAt < call.startedAt && !each.mayGoOn;
    return each === call || (hasEnded && (each.abortReason === undefined || errorOf(each) !== each.abortReason));
  });
}

/** Of which sign-in the token is that the call gave. A call of read() gives a record. */
export function familyGiven(call: Call, history: History): Family | undefined {
  return accessGiven(call, history)?.family;
}

/**
 * Whether the instance that made this sign-in tried a sign-out while the person was asked or later. That ends the sign-in even if it
 * fails. If another process has refreshed it since, the instance does not know the new refresh token.
 */
export function isUnwanted({ window, isRotated }: Family, instance: Instance): boolean {
  if (window?.instance !== instance || isRotated) return false;
  return instance.triedSignOuts.some((startedAt) => startedAt >= window.openedAt);
}

/** Whether its process did not know for a while that it was stored, because the store had not answered. */
export function hadNoAnswer({ hasLostAnswer, answerFoundAt, wasStoredAgain }: Family): boolean {
  return hasLostAnswer || answerFoundAt !== undefined || wasStoredAgain === true;
}

/** Whether a sign-out of the instance that made this sign-in came while the person was asked or later. */
export function isForbidden({ window }: Family, instance = window?.instance): boolean {
  if (!window || window.instance !== instance) return false;
  return instance.signOuts.some((startedAt) => startedAt >= window.openedAt);
}

/** For how long a token of that lifetime has to be valid. What only its first moments would fulfil counts as half of its life. */
export function neededMs(
  lifetimeMs: number,
  { expirySkewMs }: History,
  { minValid = 0, aheadMs = 0 }: { minValid?: number | undefined; aheadMs?: number } = {},
): number {
  const early = Math.min(skewOf(lifetimeMs, expirySkewMs) + aheadMs, lifetimeMs / 2);
  const needed = Math.max(early, minValid);
  return needed > 0.9 * lifetimeMs ? lifetimeMs / 2 : needed;
}

/** Its own sign-in, if that brought less than was asked for, the stored one has the same, and nothing has ended that. */
export function deniedBefore(instance: Instance, history: History): string | undefined {
  const wasSignedOut = history.instances.some(
    ({ name, triedSignOuts }) => name === instance.name && triedSignOuts.length > 0,
  );
  if (wasSignedOut) return undefined;
  // One that the store could not take counts as well.
  const ofInstance = history.families.filter(
    ({ window, wasStored }) => window?.instance === instance && (wasStored || window.judgedAt),
  );
  const own = ofInstance.at(-1);
  // The store could take none of several, and a call may know only one of them yet.
  const isOneOfSeveral = ofInstance.some(
    ({ window }) => window?.judgedAt === own?.window?.judgedAt && window !== own?.window,
  );
  if (isOneOfSeveral) return undefined;
  // A call can have rejected only what it could know.
  const since = own?.window?.judgedAt ?? Number.POSITIVE_INFINITY;
  if ([...instance.calls].some(({ options, startedAt }) => options.forceRefresh && startedAt > since)) return undefined;
  const { record } = history.lastReadBy(instance.process, instance.name);
  const { refreshToken, expiresAt = Number.POSITIVE_INFINITY, refusedAt } = record ?? {};
  // It has ended since.
  if (!refreshToken && (refusedAt !== undefined || expiresAt <= instance.process.wallNow)) return undefined;
  const stored = history.familyOf(record);
  const wasDenied = own?.window && !covers(own.scope, own.window.asked);
  return wasDenied && stored?.scope === own.scope ? `sign-in ${own.id} brought ${own.scope}` : undefined;
}
