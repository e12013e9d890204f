import type { History } from '../history.ts';
import { secretMark } from '../models/provider.ts';
import { covers } from '../models/scopes.ts';
import { refreshTimeoutMs } from '../models/user-code.ts';
import type { Invariants } from './invariant.ts';
import { accessGiven, busySince, endOf, errorOf, goodSignIn, lifetimeOf, mayAsk, neededMs } from './questions.ts';

/** As `JSON.stringify(value).includes(secretMark)`, which takes ten times as long. */
function hasSecret(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(secretMark);
  if (typeof value !== 'object' || value === null) return false;
  for (const key in value) {
    if (key.includes(secretMark) || hasSecret((value as Record<string, unknown>)[key])) return true;
  }
  return false;
}

/** How it took longer than that. */
function tookLonger(sinceMs: number, { machine }: History, limitMs: number): string | undefined {
  const took = machine.now - sinceMs;
  return took > limitMs ? `it took ${took} ms` : undefined;
}

/** When a call of SharedToken settles, and when it tells of an event. */
export const callInvariants: Invariants = {
  'call-settled': [
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
      unless: ['stop'],
      check: ({ call }, history) =>
        call.method !== 'getToken' || mayAsk(call)
          ? undefined
          : tookLonger(call.startedAtMs, history, refreshTimeoutMs + 15_000),
    },
    {
      promise: 'If nothing goes wrong, getToken() ends within 5 seconds, and no call says that the store failed',
      unless: ['clock', 'stop', 'kill', 'lease', 'network', 'store', 'late'],
      check({ call }, history) {
        if (endOf(call).code === 'STORE') return `it ends in ${errorOf(call)}`;
        return call.method !== 'getToken' || mayAsk(call) ? undefined : tookLonger(call.startedAtMs, history, 5_000);
      },
    },
    {
      promise: 'A call whose need the stored token meets does not wait for a refresh',
      unless: ['clock', 'stop', 'kill', 'lease', 'store', 'late'],
      check({ call }, history) {
        const { method, options, instance, stored, needs, startedAtMs, startedAtWallMs } = call;
        const lifetimeMs = stored && lifetimeOf(stored);
        if (method !== 'getToken' || options.forceRefresh || lifetimeMs === undefined) return undefined;
        const leftMs = (stored?.expiresAt ?? 0) - startedAtWallMs - 1_000;
        const isGood =
          stored?.clientId === instance.clientId &&
          stored.refusedAt === undefined &&
          covers(stored.scope, needs) &&
          leftMs > neededMs(lifetimeMs, history, options) &&
          ![...instance.calls].some((each) => each.options.forceRefresh);
        const staysUntilMs = (stored && history.replacedAtMs.get(stored)) ?? history.machine.now;
        return isGood && staysUntilMs > startedAtMs + 1_000 ? tookLonger(call.startedAtMs, history, 1_000) : undefined;
      },
    },
    {
      promise: 'close() ends within refreshTimeout and 6 seconds',
      unless: ['stop'],
      check: ({ call }, history) =>
        call.method === 'close' ? tookLonger(call.startedAtMs, history, refreshTimeoutMs + 6_000) : undefined,
    },
    {
      promise: 'close() ends within 6 seconds after the last call of refresh and signIn',
      unless: ['stop', 'store', 'late'],
      check({ call: { method, instance, startedAtMs } }, history) {
        const isOver = method === 'close' && instance.userCalls === 0;
        return isOver ? tookLonger(Math.max(startedAtMs, instance.userCallEndedAtMs), history, 6_000) : undefined;
      },
    },
    {
      promise: 'close() waits for a refresh that was sent',
      check({ call }, { refreshCalls, machine }) {
        const isOpen = refreshCalls.some(
          ({ instance, isSettled, signal, deadline }) =>
            instance === call.instance && !isSettled && !signal.aborted && machine.now < deadline,
        );
        return call.method === 'close' && isOpen ? 'it is under way' : undefined;
      },
    },
    {
      promise: 'close() and signOut() end the question to the person',
      check({ call: { method, instance, startedAt } }, { windows }) {
        if (method !== 'close' && method !== 'signOut') return undefined;
        const open = windows.some(
          ({ signal, isExchanging, isSettled, openedAt, ...window }) =>
            window.instance === instance && openedAt < startedAt && !isExchanging && !isSettled && !signal.aborted,
        );
        return open ? 'it goes on' : undefined;
      },
    },
    {
      promise: 'A sign-in that is stored does not end in SIGN_IN_TIMEOUT',
      unless: ['clock', 'stop', 'store', 'late', 'foreign'],
      check({ call }, history) {
        if (endOf(call).code !== 'SIGN_IN_TIMEOUT') return undefined;
        const family = goodSignIn(call.instance, history);
        const { instance, openedAt = 0 } = family?.window ?? {};
        return instance === call.instance && openedAt >= call.startedAt ? `sign-in ${family?.id} is stored` : undefined;
      },
    },
    {
      promise: 'SIGN_IN_REQUIRED comes only if no good sign-in is stored',
      unless: ['clock'],
      check({ call }, history) {
        const { code, reason } = endOf(call);
        if (code !== 'SIGN_IN_REQUIRED' || !/^(expired|refused|not-signed-in)$/.test(reason ?? '')) return undefined;
        const family = goodSignIn(call.instance, history);
        const isOld = family && (history.storedSince.get(family.name) ?? 0) < busySince(call);
        return isOld ? `${reason}, although sign-in ${family.id} is good` : undefined;
      },
    },
    {
      promise: 'A sign-out ends a call only if a person signed out',
      check({ call }, { instances }) {
        const wasSignedOut = instances.some(
          ({ name, triedSignOuts }) => name === call.instance.name && triedSignOuts.length > 0,
        );
        return endOf(call).reason !== 'signed-out' || wasSignedOut ? undefined : 'nobody signed out';
      },
    },
    {
      promise: 'A sign-out ends the calls of its instance that began before it, whatever else happens to them',
      check({ call }) {
        const { instance, method, startedAt, abortReason } = call;
        const error = errorOf(call);
        if (!/^(getToken|signIn)$/.test(method) || error === undefined || error === abortReason) return undefined;
        const isEnded = instance.triedSignOuts.some((step) => step > startedAt);
        const isSaid = /^(SIGN_IN_REQUIRED|CLOSED)$/.test(endOf(call).code ?? '');
        return isEnded && !isSaid ? `it ends in ${error}` : undefined;
      },
    },
    {
      promise: 'signIn() asks the person, whatever is stored',
      check({ call }, history) {
        const family = call.method === 'signIn' ? accessGiven(call, history)?.family : undefined;
        const hasAsked = history.windows.some(({ instance }) => instance === call.instance);
        return family && !hasAsked ? `nobody was asked, and sign-in ${family.id} was given out` : undefined;
      },
    },
    {
      promise: 'While the stored token is valid, it bridges a refresh that fails',
      unless: ['clock'],
      check({ call }, history) {
        const { instance, method, options, given, abortReason } = call;
        const error = errorOf(call);
        const isFailure = error !== undefined && error !== abortReason && !/SIGN_IN|CLOSED/.test(`${endOf(call).code}`);
        if (method !== 'getToken' || options.forceRefresh || !given || !isFailure) return undefined;
        const { accessToken, expiresAt, scope, refusedAt } = history.stored.get(instance.name) ?? {};
        const isValid =
          refusedAt === undefined &&
          covers(scope, instance.needs) &&
          given.accessToken === accessToken &&
          (expiresAt ?? 0) > instance.process.wallNow;
        const isRejected = [...instance.calls].some((each) => each.options.forceRefresh);
        return isValid && !isRejected ? `${accessToken} is valid, and the call ends in ${error}` : undefined;
      },
    },
    {
      promise: 'What a provider has refused is marked for all',
      unless: ['store', 'stop', 'lease', 'foreign'],
      check({ call }, history) {
        const record = history.stored.get(call.instance.name);
        const isOld = (history.storedSince.get(call.instance.name) ?? 0) < busySince(call);
        return endOf(call).reason === 'refused' && record && isOld && record.refusedAt === undefined
          ? 'the stored record does not say so'
          : undefined;
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
