import type { RefreshContext, SharedTokenOptions, SignInContext, TokenRecord, TokenResponse } from 'shared-token';
import type { Fact, Family, Instance, RefreshCall, Window } from '../facts.ts';
import type { History } from '../history.ts';
import { streams } from '../machine/choices.ts';
import type { Machine } from '../machine/machine.ts';
import type { Plan } from '../plan/plan.ts';
import { leaseMs, safeLeaseMs } from './lease-lock.ts';
import type { StoreUnderTest } from './model-store.ts';
import type { Provider } from './provider.ts';
import { covers, leastScope, unite } from './scopes.ts';

export const refreshTimeoutMs = 30_000;
const abortGraceMs = 1_000;
/** A store may say that a lease is lost when this much of it is left. */
const unsafeLeaseMs = leaseMs - safeLeaseMs;

export interface Scene {
  readonly machine: Machine;
  readonly history: History;
  readonly provider: Provider;
  readonly store: StoreUnderTest;
  readonly plan: Plan;
  readonly report: (fact: Fact) => void;
}

/** How one exchange with the provider goes. The first is the plain one. */
const courses = [
  'plain',
  'slow',
  'lost request',
  'lost answer',
  'late',
  'late request',
  'server error',
  'server error',
  'garbage',
  'never',
] as const;
type Course = (typeof courses)[number];

/** The functions that a user of SharedToken writes, over a network that fails. */
export class UserCode {
  readonly #scene: Scene;
  readonly #instance: () => Instance;

  constructor(scene: Scene, instance: () => Instance) {
    this.#scene = scene;
    this.#instance = instance;
  }

  refresh: SharedTokenOptions['refresh'] = (
    record: TokenRecord & { refreshToken: string },
    { signal }: RefreshContext,
  ): Promise<TokenResponse> => {
    const { history, provider, report, machine, store } = this.#scene;
    const instance = this.#instance();
    const { refreshToken } = record;
    const call: RefreshCall = {
      ...{ instance, record: { ...record }, signal, calledAt: machine.steps },
      holder: store.holderOf(instance.name, instance.process, signal),
      deadline: machine.now + refreshTimeoutMs + abortGraceMs,
      isSettled: false,
    };
    machine.note(instance.process, () => `refresh() is called with ${shorten(refreshToken)}`);
    report({ type: 'refresh-called', call });
    this.change(record);
    const serve = (): TokenResponse => {
      const token = history.refreshTokens.get(refreshToken);
      if (!token) throw new Error('the provider was sent a token that it never gave out');
      report({ type: 'refresh-arrived', call, token });
      const response = provider.refresh(call, token);
      const brought = history.accesses.get(response.access_token);
      if (brought) Object.assign(call, { brought });
      return this.#addData(response, call.record);
    };
    const onLost = (why: string): void => {
      call.excuse ??= why;
    };
    signal.addEventListener('abort', () => {
      // Any other reason to give up is SharedToken's own fault.
      const isLeaseAtItsEnd =
        history.troubles.has('lease') || machine.now >= (call.holder?.endsAt ?? 0) - unsafeLeaseMs;
      const isTooLate = machine.now >= call.deadline - abortGraceMs || isLeaseAtItsEnd;
      if (!call.isSettled && isTooLate) call.excuse ??= 'the answer came too late';
    });
    const isOver = (): boolean => call.isSettled || instance.process.isDead;
    const onFailed = (error: unknown): void => {
      const { retryAfter = 0 } = Object(error) as { retryAfter?: number };
      if (call.isSettled) return;
      if (Object(error).error === 'invalid_grant') call.refusedAt = machine.steps;
      if (retryAfter > 0) call.retryAtMs = machine.now + retryAfter;
    };
    const answer = this.#exchange({ serve, signal, what: 'refresh', isOver, onLost });
    const onAnswered = (response: TokenResponse): void => {
      call.isAnswered = Boolean(response.access_token) && !instance.process.isDead;
    };
    answer.then(onAnswered, onFailed);
    return answer.finally(() => {
      call.isSettled = true;
    });
  };

  revoke: NonNullable<SharedTokenOptions['revoke']> = (record, { signal }) => {
    const { history, report } = this.#scene;
    const instance = this.#instance();
    report({ type: 'revoke-called', instance, record: { ...record } });
    const family = history.familyOf(record);
    this.change(record);
    const serve = (): TokenResponse => {
      if (family) family.revoked ??= 'person';
      return { access_token: '' };
    };
    return this.#exchange({ serve, signal, what: 'revoke', isOver: () => false, onLost: () => {} });
  };

  /** Of an object that the program was given, or has given. */
  change(object: object | undefined): void {
    if (!this.#scene.plan.changesObjects || !object) return;
    for (const field of ['refreshToken', 'accessToken', 'refresh_token', 'access_token', 'obtainedAt', 'scope']) {
      if (field in object) Reflect.set(object, field, field === 'obtainedAt' ? 1 : 'changed');
    }
    this.change((object as TokenRecord).data);
  }

  signIn: NonNullable<SharedTokenOptions['signIn']> = async (context: SignInContext): Promise<TokenResponse> => {
    const { machine, plan, report, store, history } = this.#scene;
    const { signal, redeem, record } = context;
    const before = record?.scope ?? '';
    const instance = this.#instance();
    const holder = store.holderOf(`sign-in\u001f${instance.name}`, instance.process);
    const window: Window = {
      ...{ instance, signal, reason: context.reason, openedAt: machine.steps, openedAtMs: machine.now },
      ...{ holder, found: history.familyOf(holder?.lastRead?.record) },
      ...{ asked: instance.needs, needs: instance.needs, isExchanging: false, isSettled: false },
    };
    machine.note(instance.process, () => `signIn() is called (${context.reason})`);
    report({ type: 'person-asked', window });
    this.change(record);
    try {
      await this.#askPerson(signal);
      // No two people answer in the same millisecond.
      while (history.windows.some(({ answeredAtMs }) => answeredAtMs === machine.now)) await this.#wait(1);
      window.answeredAtMs = machine.now;
      let family: Family | undefined;
      const serve = (): TokenResponse => {
        const asked = unite(before, window.asked);
        const denies = plan.grantsLess && machine.choices.isRare(streams.person, 2);
        const others = asked.split(' ').filter((each) => !covers(leastScope, each));
        const scope = unite(leastScope, (denies ? others.slice(0, -1) : others).join(' '));
        family = this.#scene.provider.issue(instance.name, instance.clientId, window, scope);
        return this.#addData(this.#scene.provider.answer(family), undefined);
      };
      const exchange = async (): Promise<TokenResponse> => {
        const way = { serve, signal: undefined, what: 'the code', isOver: () => false, onLost: () => {} };
        window.isExchanging = plan.usesRedeem && !signal.aborted;
        const signedInAtMs = plan.usesRedeem ? machine.now : window.openedAtMs;
        const answer = await this.#exchange(way);
        if (family && answer.access_token) family.signedInAtMs = signedInAtMs;
        return answer;
      };
      if (!plan.usesRedeem) return await exchange();
      const answer = await redeem(exchange);
      // The person has done all that there is to do.
      window.isSettled = true;
      if (plan.redeemsEarlyMs > 0 && !history.isCalm) await this.#wait(plan.redeemsEarlyMs);
      if (!history.isCalm && machine.choices.isRare(streams.person, 6)) throw new Error('the page could not be shown');
      return answer;
    } finally {
      window.isSettled = true;
    }
  };

  /** A response may bring `data`; without it, a refresh keeps what the record has. */
  #addData(response: TokenResponse, record: TokenRecord | undefined): TokenResponse {
    const { plan, history, machine } = this.#scene;
    const access = history.accesses.get(response.access_token);
    if (access) access.data = record?.data?.of;
    if (!plan.givesData || !machine.choices.isRare(streams.network, 2)) return response;
    if (access) access.data = response.access_token;
    return { ...response, data: { of: response.access_token } };
  }

  #wait(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#scene.machine.later(this.#instance().process, milliseconds, 'signIn() ends', resolve);
    return promise;
  }

  /** The person answers after a while, says no, or is gone. */
  #askPerson(signal: AbortSignal): Promise<void> {
    const { machine, plan, history } = this.#scene;
    const { process } = this.#instance();
    const isPlain =
      history.isCalm || plan.personFaultOneIn === 0 || !machine.choices.isRare(streams.person, plan.personFaultOneIn);
    const course = isPlain ? 0 : 1 + machine.choices.below(streams.person, 4);
    const usual = [1, 20_000, 3_000][machine.choices.weighted(streams.person, [2, 2, 1])];
    const delay = [usual, 170_000, 200_000, 0, undefined][course];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const denied = Object.assign(new Error('the person said no'), { error: 'access_denied' });
    if (delay !== 1) machine.onDelay(process);
    if (delay !== undefined) {
      machine.later(process, delay, course === 3 ? 'the person says no' : 'the person answers', () =>
        course === 3 ? reject(denied) : resolve(),
      );
    }
    if (plan.obeys) onAbort(signal, reject);
    return promise;
  }

  #exchange(exchange: {
    serve: () => TokenResponse;
    signal: AbortSignal | undefined;
    what: string;
    /** Whether its caller has given up. */
    isOver: () => boolean;
    onLost: (why: string) => void;
  }): Promise<TokenResponse> {
    const { serve, signal, what, isOver, onLost } = exchange;
    const { machine, plan } = this.#scene;
    const { process } = this.#instance();
    const course = this.#chooseCourse();
    if (course !== 'plain') machine.onDelay(process);
    const { promise, resolve, reject } = Promise.withResolvers<TokenResponse>();
    const settle = (milliseconds: number, text: string, run: () => void): void => {
      machine.later(process, milliseconds, () => `${what}: ${text}`, run);
    };
    const offline = (): Error => Object.assign(new Error(`connection lost during ${what}`), { retryAfter: undefined });
    const arrive = (): void => {
      if (isOver()) onLost('the request arrived after its caller had given up');
      let answer: () => void;
      let isLost = false;
      // Every second answer that makes no sense lacks the access token alone. No further choice, so that the schedules of known seeds stay.
      let isCut = false;
      try {
        const response = serve();
        isCut = course === 'garbage' && what === 'refresh' && machine.steps % 2 === 0;
        isLost = course === 'lost answer' || (course === 'garbage' && !isCut) || course === 'never';
        if (isLost) onLost('the answer was lost');
        answer = () => {
          if (isOver()) onLost('the answer came after its caller had given up');
          if (plan.changesObjects) machine.enqueue(process, '', () => this.change(response));
          if (isCut) response.access_token = '';
          resolve(course === 'garbage' && !isCut ? ({ html: '<html>' } as unknown as TokenResponse) : response);
        };
      } catch (error) {
        answer = () => reject(error);
      }
      if (course === 'never') return;
      if (course === 'lost answer') settle(50, 'the answer is lost', () => reject(offline()));
      else settle(course === 'late' ? 45_000 : course === 'slow' ? 12_000 : 0, 'is answered', answer);
    };
    if (course === 'lost request') settle(50, 'the request is lost', () => reject(offline()));
    else if (course === 'server error') {
      const retryAfter = machine.choices.isRare(streams.network, 2) ? 60_000 : 5_000;
      const busy = Object.assign(new Error('503 from the provider'), { retryAfter });
      settle(50, 'is answered with 503', () => reject(busy));
    } else {
      machine.later(
        undefined,
        course === 'late request' ? 35_000 : course === 'slow' ? 5_000 : 0,
        () => `${what} of process ${process.id} arrives`,
        arrive,
      );
    }
    if (signal && plan.obeys) onAbort(signal, reject);
    return promise;
  }

  #chooseCourse(): Course {
    const { machine, plan, history } = this.#scene;
    const { networkFaultOneIn } = plan;
    const trouble = history.isCalm ? 0 : machine.choices.trouble(3);
    if (trouble > 0) {
      history.troubles.add('network');
      return (['lost answer', 'late', 'server error'] as const)[trouble - 1] as Course;
    }
    if (history.isCalm || networkFaultOneIn === 0 || !machine.choices.isRare(streams.network, networkFaultOneIn))
      return 'plain';
    history.troubles.add('network');
    return courses[1 + machine.choices.below(streams.network, courses.length - 1)] as Course;
  }
}

function onAbort(signal: AbortSignal, reject: (reason: unknown) => void): void {
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
}

/** Of a token, what a trace shows. */
function shorten(token: string): string {
  return token.split('.').slice(0, 3).join('.');
}
