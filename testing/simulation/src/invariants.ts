/**
 * What must be true in every schedule: the promises of SECURITY.md and docs/architecture.md about one shared sign-in, each as a
 * sentence and as a check. A check returns how the promise is broken, or undefined.
 */
import type { Call, Fact, Family, History, Instance, RefreshCall, RefreshToken, Window } from './history.ts';
import { secretMark } from './models/provider.ts';

type FactOf<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

interface Invariant<Type extends Fact['type'] = Fact['type']> {
  readonly promise: string;
  check(fact: FactOf<Type>, history: History): string | undefined;
}

type Invariants = { readonly [Type in Fact['type']]?: readonly Invariant<Type>[] };

/**
 * The one window in which a sign-in may be lost (SECURITY.md, "What is not protected against"): the provider has taken the refresh
 * token, and its answer is not durably stored yet. In that window the process was killed, the answer was lost or came after
 * `refreshTimeout`, the store failed, or the lease ended because the process was stopped for longer.
 */
function windowExcuse(call: RefreshCall, { machine }: History, sender: RefreshCall): string | undefined {
  const { excuse, holder, deadline, isSettled, isKeptInMemory, instance } = call;
  if (excuse) return excuse;
  if (isKeptInMemory && instance !== sender.instance) return 'the store failed before the answer was stored';
  if (holder && holder.endsAt <= machine.now) return 'the lease ended before the answer was stored';
  if (!isSettled && machine.now >= deadline) return 'the answer came after refreshTimeout';
  return undefined;
}

/** Whether SharedToken must still keep others from doing the same: not after a kill, the end of the lease or of its patience. */
function isUnderWay({ instance, signal, holder, isSettled }: RefreshCall | Window, { machine }: History): boolean {
  return !isSettled && !signal.aborted && !instance.process.isDead && (!holder || holder.endsAt > machine.now);
}

const everyCallEnds = {
  promise: 'Every call ends',
  check(_fact: Fact, { instances }: History): string | undefined {
    const living = instances.filter(({ process }) => !process.isDead);
    const open = living.flatMap(({ calls }) => [...calls]).find(({ outcome }) => !outcome);
    return open && `${open.method}() of ${open.instance.label} waits for ever`;
  },
};

const invariants: Invariants = {
  'refresh-called': [
    {
      promise: 'One refresh is under way, over all processes',
      check({ call }, history) {
        const other = history.refreshCalls.find(
          (each) => each.instance.name === call.instance.name && isUnderWay(each, history),
        );
        return other && `${call.instance.label} calls refresh while the one of ${other.instance.label} is under way`;
      },
    },
    {
      promise: "refresh is called under the record's lock",
      check: ({ call }, { machine }) =>
        call.holder && call.holder.endsAt > machine.now ? undefined : `${call.instance.label} does not hold it`,
    },
    {
      promise: 'What is sent is what is stored now, not what was read before the lock',
      check({ call }, history) {
        // A sign-in, a sign-out or another program may have written without the lock, after the record was read.
        const replacedAt = history.replacedAt(call.instance.name, call.record);
        return replacedAt >= (call.holder?.since ?? 0)
          ? undefined
          : 'the store had another record before the lock was acquired';
      },
    },
    {
      promise: 'A token is refreshed once for each expiry, and not if the stored one is good',
      check({ call }, history) {
        const { instance, record } = call;
        const calls = [...instance.calls].filter(({ method }) => method === 'getToken');
        // A refresh that was forced goes on after its caller let go.
        if (calls.some(({ options, outcome, abortReason }) => options.forceRefresh && (!outcome || abortReason)))
          return undefined;
        if (instance.process.wallOffsetMs !== 0) return undefined;
        const { accessToken, expiresAt = 0, obtainedAt = 0 } = record;
        const access = history.accesses.get(accessToken ?? '');
        const now = instance.process.wallNow;
        if (!access || expiresAt <= now || obtainedAt > now + 30_000) return undefined;
        // A token that came while the process waited for the lock is good to its very end.
        const isNew = access.issuedAt > (call.holder?.askedAt ?? 0);
        return isNew || expiresAt - 300_000 > now ? `the stored token is good: ${accessToken}` : undefined;
      },
    },
    {
      promise: 'No record of another client, provider or name is sent',
      check({ call }, history) {
        const family = history.familyOf(call.record);
        if (!family) return 'a refresh token that the provider never gave out';
        return isOf(family, call.instance)
          ? undefined
          : `sign-in ${family.id} is of ${family.clientId}, ${family.name}`;
      },
    },
  ],
  'refresh-arrived': [
    {
      promise: 'No refresh token is sent again after it was spent, but in the window',
      check({ call, token }, history) {
        const { spending } = token;
        if (!spending) return undefined;
        const excuse = windowExcuse(spending.call, history, call) ?? windowExcuse(call, history, call);
        if (excuse) token.family.excuse = excuse;
        return excuse ? undefined : `${call.instance.label} sends again what ${spending.call.instance.label} has spent`;
      },
    },
  ],
  'person-asked': [
    {
      promise: 'One sign-in is in front of the person, over all processes',
      check({ window }, history) {
        const other = history.windows.find(
          (each) => each.instance.name === window.instance.name && isUnderWay(each, history),
        );
        return other && `${window.instance.label} asks while the question of ${other.instance.label} is open`;
      },
    },
    {
      promise: 'No person is asked while a good sign-in is stored, unless signIn() is called',
      check({ window: { instance, reason, holder } }, history) {
        const stored = goodToken(instance, history);
        const isOld = stored?.storedAt !== undefined && stored.storedAt < (holder?.askedAt ?? 0);
        return reason !== 'requested' && isOld ? `${reason}, although sign-in ${stored.family.id} is good` : undefined;
      },
    },
    {
      promise: 'The processes that wait for a sign-in use its result',
      check({ window: { instance, reason, holder } }, history) {
        const stored = goodToken(instance, history);
        const isNew = stored?.storedAt !== undefined && stored.storedAt > (holder?.askedAt ?? 0);
        const wasRead =
          stored?.storedAt !== undefined && stored.storedAt < history.lastReadBy(instance.process, instance.name).step;
        return reason !== 'requested' && isNew && wasRead
          ? `sign-in ${stored.family.id} came while it waited`
          : undefined;
      },
    },
    {
      promise: 'A person is asked only under the sign-in lock',
      check: ({ window }, { machine }) =>
        window.holder && window.holder.endsAt > machine.now ? undefined : `${window.instance.label} does not hold it`,
    },
    {
      promise: 'A person is asked only if a caller allows it',
      check: ({ window }) =>
        [...window.instance.calls].some(
          ({ method, options, outcome }) =>
            !outcome && (method === 'signIn' || (method === 'getToken' && options.interactive !== false)),
        )
          ? undefined
          : 'no call that is under way allows it',
    },
  ],
  written: [
    {
      promise: 'A sign-in does not undo the sign-out of another process, if it has read what that deleted',
      check({ before, record }, history) {
        const family = history.familyOf(record);
        const found = family?.window?.found;
        return !before && found?.isSignedOut && !family?.wasStored
          ? `sign-in ${family?.id} after ${found.id}`
          : undefined;
      },
    },
    {
      promise: 'No older token takes the place of a newer one',
      check({ name, before, record, by }, history) {
        const was = before && history.refreshTokens.get(before.refreshToken);
        const is = history.refreshTokens.get(record.refreshToken);
        // A program that writes without the lock cannot know what it replaces, nor can we know what it will write.
        if (!was || !is || !by || was.family.isForeign) return undefined;
        if (is.family.order < was.family.order) return `sign-in ${is.family.id} over sign-in ${was.family.id}`;
        if (is.family !== was.family) return undefined;
        if (is.generation < was.generation) return `refresh token ${is.generation} over ${was.generation}`;
        const access = history.accesses.get(record.accessToken ?? '');
        const earlier = history.accesses.get(before.accessToken ?? '');
        if (!access || !earlier || access.generation >= earlier.generation) return undefined;
        // If the refresh token stays, compare-and-swap does not see a write between this process's read and its write. And of
        // two requests that were both late, only the provider knows which it answered first.
        const wasKnown = (earlier.storedAt ?? 0) <= history.lastReadBy(by, name).step;
        return wasKnown && (record.obtainedAt ?? 0) < (before.obtainedAt ?? 0)
          ? `access token ${access.value} over ${earlier.value}`
          : undefined;
      },
    },
    {
      promise: 'Nothing that a sign-out has deleted is stored again',
      check({ record }, history) {
        const family = history.familyOf(record);
        // If the answer to a write was lost, its process cannot tell whether a sign-out came, or the write never did.
        return family?.isSignedOut && !family.hasLostAnswer ? `sign-in ${family.id}` : undefined;
      },
    },
    {
      promise: 'A record says whose it is, and stays under its name',
      check({ name, record, by }, history) {
        const family = history.familyOf(record);
        if (!by) return undefined;
        if (!family) return 'a refresh token that the provider never gave out';
        const isRight = family.name === name && (family.isBare || record.clientId === family.clientId);
        return isRight ? undefined : `sign-in ${family.id} is of ${family.clientId}, ${family.name}`;
      },
    },
  ],
  deleted: [
    {
      promise: 'Only a sign-out deletes a record',
      check({ name, before }, history) {
        const family = history.familyOf(before);
        if (history.signingOut.get(name) || !family) return undefined;
        // A sign-in that ends after a sign-out of its instance takes itself back, even if the sign-out failed.
        const { instance, openedAt = 0 } = family.window ?? {};
        const isTakenBack = instance?.triedSignOuts.some((startedAt) => startedAt >= openedAt);
        return isTakenBack ? undefined : `sign-in ${family.id}`;
      },
    },
  ],
  'call-settled': [
    {
      promise: 'A call ends in a token, its own abort, what the user threw, or a SharedTokenError',
      check({ call }) {
        const error = errorOf(call);
        if (error === undefined || error === call.abortReason) return undefined;
        if (!(error instanceof Error)) return `${call.method}() threw ${error}`;
        return /^(TypeError|RangeError|ReferenceError|SyntaxError)$/.test(error.name)
          ? `${call.method}() threw ${error.stack}`
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
        const { code, reason } = Object(errorOf(call)) as { code?: string; reason?: string };
        if (code !== 'SIGN_IN_REQUIRED' || (reason !== 'refused' && reason !== 'not-signed-in')) return undefined;
        const stored = goodToken(call.instance, history);
        // The call may have joined a read that began before the sign-in was stored.
        const knewAt = Math.min(call.startedAt, history.lastReadBy(call.instance.process, call.instance.name).step);
        const isOld = stored?.storedAt !== undefined && stored.storedAt < knewAt;
        return isOld ? `${reason}, although sign-in ${stored.family.id} is good` : undefined;
      },
    },
    {
      promise: 'While the token in memory is valid, it bridges a refresh that fails',
      check({ call }, history) {
        const { instance, method, options, held, abortReason } = call;
        const error = errorOf(call);
        const isOurs = error === abortReason || /SIGN_IN|CLOSED/.test(String(Object(error).code));
        if (method !== 'getToken' || options.forceRefresh || !error || isOurs || history.hasOddTime) return undefined;
        const expiresAt = history.accesses.get(held ?? '')?.expiresAt ?? 0;
        return expiresAt > instance.process.wallNow ? `${held} is valid, and the call ends in ${error}` : undefined;
      },
    },
    {
      promise: 'A forced refresh does not give the rejected token',
      check({ call }, history) {
        const access = accessGiven(call, history);
        return call.options.forceRefresh && access && access.value === call.held ? `${access.value} again` : undefined;
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
      check: ({ event }) => (JSON.stringify(event).includes(secretMark) ? JSON.stringify(event) : undefined),
    },
  ],
  // Nothing is left to wait for, but timers that keep no process alive.
  calm: [everyCallEnds],
  ended: [
    everyCallEnds,
    {
      promise: 'What could not be stored is stored by close() at the latest',
      check(_fact, history) {
        for (const instance of history.instances.filter(({ process }) => !process.isDead)) {
          for (const { value, family, generation, storedAt } of instance.unstored) {
            const stored = history.refreshTokens.get(history.stored.get(instance.name)?.refreshToken ?? '');
            const isOlder =
              stored?.family === family && stored.generation < generation && stored.value !== family.current;
            if (storedAt === undefined && isOlder && instance.wasClosedCalmly) return value;
          }
        }
        return undefined;
      },
    },
    {
      promise: 'No sign-in is stored after a sign-out that came after it began',
      check(_fact, history) {
        for (const record of history.stored.values()) {
          const family = history.familyOf(record);
          if (family && isForbidden(family)) return `sign-in ${family.id}`;
        }
        return undefined;
      },
    },
    {
      promise: 'No sign-in is lost, but in the window',
      check(_fact, history) {
        for (const [name, family] of history.owed) {
          const stored = history.familyOf(history.stored.get(name));
          if (stored !== family) return `sign-in ${family.id} is not in the store`;
          if (family.revoked || family.excuse) continue;
          const last = history.instances.findLast((instance) => instance.name === name);
          const call = last && [...last.calls].at(-1);
          if (call && !familyGiven(call, history)) return `sign-in ${family.id} gives no token any more`;
        }
        return undefined;
      },
    },
  ],
};

/** The promise that the fact breaks, and how; undefined if it breaks none. */
export function judge(fact: Fact, history: History): string | undefined {
  const list: readonly Invariant[] = (invariants as Record<string, readonly Invariant[]>)[fact.type] ?? [];
  for (const { promise, check } of list) {
    const how = check(fact, history);
    if (how !== undefined) return `${promise}\n  ${how}`;
  }
  return undefined;
}

/** A record that does not say whose it is counts as every client's. */
function isOf(family: Family, { name, clientId }: { name: string; clientId: string }): boolean {
  return family.name === name && (family.isBare || family.clientId === clientId);
}

/** The stored refresh token, if it is of this client and the provider accepts it. */
function goodToken({ name, clientId }: Instance, history: History): RefreshToken | undefined {
  const token = history.refreshTokens.get(history.stored.get(name)?.refreshToken ?? '');
  if (!token || token.family.isBare || !isOf(token.family, { name, clientId })) return undefined;
  return token.family.revoked || token.spending ? undefined : token;
}

function errorOf({ outcome }: Call): unknown {
  return outcome && 'error' in outcome ? outcome.error : undefined;
}

function accessGiven({ outcome }: Call, { accesses }: History) {
  const { accessToken } = Object(outcome && 'value' in outcome ? outcome.value : undefined) as { accessToken?: string };
  return accessToken === undefined ? undefined : accesses.get(accessToken);
}

/** Of which sign-in the token is that the call gave. A call of read() gives a record. */
function familyGiven(call: Call, history: History): Family | undefined {
  return accessGiven(call, history)?.family;
}

/** Whether a sign-out of the instance that made this sign-in came while the person was asked or later. */
function isForbidden({ window, couldNotBeTakenBack }: Family, instance = window?.instance): boolean {
  if (!window || window.instance !== instance || couldNotBeTakenBack) return false;
  return instance.signOuts.some((startedAt) => startedAt >= window.openedAt);
}
