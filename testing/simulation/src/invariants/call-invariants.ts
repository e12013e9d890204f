import { secretMark } from '../models/provider.ts';
import { covers } from '../models/scopes.ts';
import { refreshTimeoutMs } from '../models/user-code.ts';
import type { Invariants } from './invariant.ts';
import { busySince, goodSignIn, mayAsk, tookLonger } from './questions.ts';

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
  'call-settled': {
    'A call ends in a token, its own abort, what the user threw, or a SharedTokenError'({ call }) {
      const { error, abortReason, instance } = call;
      if (error === undefined || error === abortReason) return undefined;
      if ([...instance.calls].some((each) => each.abortReason === error)) return 'another caller let go';
      const isMistake = !(error instanceof Error) || /^(Type|Range|Reference|Syntax|URI)Error$/.test(error.name);
      return isMistake ? `${call.method}() threw ${Object(error).stack ?? error}` : undefined;
    },
    'No secret is in a message of ours'({ call: { error } }) {
      const isOurs = error instanceof Error && error.name === 'SharedTokenError';
      return isOurs && error.message.includes(secretMark) ? error.message : undefined;
    },
    'getToken() ends within refreshTimeout and 15 seconds, unless a person is asked'({ call }, history) {
      if (call.method !== 'getToken' || mayAsk(call) || history.had('stop')) return undefined;
      return tookLonger(call, history, refreshTimeoutMs + 15_000);
    },
    'If nothing goes wrong, getToken() ends within 5 seconds, and no call says that the store failed'(
      { call },
      history,
    ) {
      if (history.troubles.size > 0) return undefined;
      if (call.code === 'STORE') return `it ends in ${call.error}`;
      return call.method !== 'getToken' || mayAsk(call) ? undefined : tookLonger(call, history, 5_000);
    },
    'close() ends within refreshTimeout and 6 seconds'({ call }, history) {
      if (call.method !== 'close' || history.had('stop')) return undefined;
      return tookLonger(call, history, refreshTimeoutMs + 6_000);
    },
    'close() ends within 6 seconds, if nothing goes wrong and no person is asked'({ call }, history) {
      const hasAsked = history.windows.some(({ instance }) => instance === call.instance);
      if (call.method !== 'close' || hasAsked || history.troubles.size > 0) return undefined;
      return tookLonger(call, history, 6_000);
    },
    'close() waits for a refresh that was sent'({ call: { method, instance } }, { refreshCalls, machine }) {
      const isOpen = refreshCalls.some(
        ({ isSettled, signal, deadline, ...each }) =>
          each.instance === instance && !isSettled && !signal.aborted && machine.now < deadline,
      );
      return method === 'close' && isOpen ? 'it is under way' : undefined;
    },
    'close() and signOut() end the question to the person'({ call: { method, instance, startedAt } }, { windows }) {
      const isOpen = windows.some(
        ({ signal, isExchanging, isSettled, openedAt, ...window }) =>
          window.instance === instance && openedAt < startedAt && !isExchanging && !isSettled && !signal.aborted,
      );
      return (method === 'close' || method === 'signOut') && isOpen ? 'it goes on' : undefined;
    },
    'The exchange of a code is ended by refreshTimeout alone'({ call }, { windows, machine }) {
      const wasCut = windows.some(({ instance, signal, isExchanging, isSettled, answeredAtMs = 0 }) => {
        const isOpen = isExchanging && !isSettled && machine.now < answeredAtMs + refreshTimeoutMs;
        return instance === call.instance && isOpen && signal.aborted;
      });
      return wasCut ? 'its signal has aborted' : undefined;
    },
    'SIGN_IN_TIMEOUT comes only if the person was too late'({ call: { code, instance, startedAt } }, history) {
      if (code !== 'SIGN_IN_TIMEOUT' || history.had('clock', 'stop', 'store', 'late', 'foreign')) return undefined;
      const last = history.windows.findLast((window) => window.instance === instance);
      if (!last || last.openedAt < startedAt) return undefined;
      const isStored = goodSignIn(instance, history)?.window === last;
      const leftMs = (last.answeredAtMs ?? 0) + refreshTimeoutMs - history.machine.now;
      return isStored || (last.isExchanging && leftMs > 0) ? 'it was in time' : undefined;
    },
    'SIGN_IN_REQUIRED comes only if no good sign-in is stored'({ call }, history) {
      const isMeant = call.code === 'SIGN_IN_REQUIRED' && /^(expired|refused|not-signed-in)$/.test(call.reason ?? '');
      if (!isMeant || history.had('clock')) return undefined;
      const family = goodSignIn(call.instance, history);
      const isOld = family && (history.storedSince.get(family.name) ?? 0) < busySince(call);
      return isOld ? `${call.reason}, although sign-in ${family.id} is good` : undefined;
    },
    'A sign-out ends a call only if a person signed out'({ call: { instance, reason } }, { instances }) {
      const isOver = instances.some(({ name, triedSignOuts }) => name === instance.name && triedSignOuts.length > 0);
      return reason !== 'signed-out' || isOver ? undefined : 'nobody signed out';
    },
    'A sign-out ends the calls of its instance that began before it, whatever else happens to them'({ call }) {
      const { instance, method, startedAt, abortReason, error, code = '' } = call;
      if (!/^(getToken|signIn)$/.test(method) || error === undefined || error === abortReason) return undefined;
      const isEnded = instance.triedSignOuts.some((step) => step > startedAt);
      return isEnded && !/^(SIGN_IN_REQUIRED|CLOSED)$/.test(code) ? `it ends in ${error}` : undefined;
    },
    'signIn() asks the person, whatever is stored'({ call: { method, instance, access } }, { windows }) {
      const hasAsked = windows.some((window) => window.instance === instance);
      return method === 'signIn' && access && !hasAsked ? `nobody was asked, and ${access.value} was given` : undefined;
    },
    'While the stored token is valid, it bridges a refresh that fails'({ call }, history) {
      const { instance, method, given, abortReason, error, code } = call;
      const isFailure = error !== undefined && error !== abortReason && !/SIGN_IN|CLOSED/.test(`${code}`);
      if (method !== 'getToken' || !isFailure || history.had('clock')) return undefined;
      const { accessToken, expiresAt = 0, scope, refusedAt } = history.stored.get(instance.name) ?? {};
      const isValid = expiresAt > instance.process.wallNow && refusedAt === undefined && covers(scope, instance.needs);
      const isRejected = [...instance.calls].some((each) => each.options.forceRefresh);
      const isGiven = given !== undefined && given.accessToken === accessToken;
      return isValid && isGiven && !isRejected ? `${accessToken} is valid, and the call ends in ${error}` : undefined;
    },
    'What a provider has refused is marked for all'({ call }, history) {
      const { name } = call.instance;
      if (call.reason !== 'refused' || history.had('store', 'stop', 'lease', 'foreign')) return undefined;
      const isOld = (history.storedSince.get(name) ?? 0) < busySince(call);
      const record = history.stored.get(name);
      return isOld && record && record.refusedAt === undefined ? 'the stored record does not say so' : undefined;
    },
  },
  event: {
    'No secret is in an event'({ event }) {
      return hasSecret(event) ? JSON.stringify(event) : undefined;
    },
  },
};
