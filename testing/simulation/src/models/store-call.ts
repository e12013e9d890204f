import { type MaybePromise, TokenStoreError, type TokenStoreErrorCode } from 'token-store-kit';
import { streams } from '../machine/choices.ts';
import { doing } from '../machine/doing.ts';
import type { Process } from '../machine/machine.ts';
import type { ModelStore } from './model-store.ts';

/** How long a file waits for another writer before it says that it is busy. */
const busyMs = 5_000;

/** How long SharedToken waits for the answer to a call. */
const answerLimitMs = 12_000;

/** How long its callers wait for a write. */
const writeLimitMs = 10_000;

/** What takes so long to arrive is worth a state of its own. */
const lateMs = 1_000;

const never = Number.POSITIVE_INFINITY;

const doingWhat: Readonly<Record<string, number>> = {
  delete: doing.delete,
  release: doing.release,
  set: doing.write,
  replace: doing.write,
};

/** How one call fails. */
interface Fault {
  readonly code: TokenStoreErrorCode | undefined;
  /** It fails before it had any effect. */
  readonly isBefore: boolean;
  readonly requestDelayMs: number;
  readonly answerDelayMs: number;
}

const noFault: Fault = { code: undefined, isBefore: false, requestDelayMs: 0, answerDelayMs: 0 };

/** The way of one process to the store and back. */
export class StoreCalls {
  readonly #store: ModelStore;
  readonly #process: Process;
  readonly #stream: number;
  /** So many calls more never settle. */
  #silentCalls = 0;

  constructor(store: ModelStore, process: Process) {
    this.#store = store;
    this.#process = process;
    this.#stream = streams.processes + (process.id % 64);
  }

  /**
   * One call of the store: a request, its effect, and the answer. Each may fail, and the process may be killed in between.
   * The effect is told whether it will be answered in time with what it brings.
   */
  ask<T>(label: string, effect: (isAnswered: boolean) => T): MaybePromise<T> {
    const fault = this.#chooseFault(label !== 'get' && label !== 'list');
    return this.#store.options.kind === 'file' ? this.#askFile(fault, effect) : this.askLater(label, effect, fault);
  }

  /** A file answers at once: what it returns is no promise. */
  #askFile<T>(fault: Fault, effect: (isAnswered: boolean) => T): T {
    const machine = this.#store.machine;
    this.#process.pass();
    if (fault.code === 'STORE_BUSY') {
      machine.now += busyMs;
      this.#store.history.troubles.add('stop');
    }
    if (fault.isBefore) throw this.#failure(fault);
    if (fault.code) this.#store.history.hadNoAnswer.add(this.#process);
    const result = effect(!fault.code);
    this.#process.pass();
    if (fault.code) throw this.#failure(fault);
    return result;
  }

  /** A call that is answered later, whatever kind the store is. */
  askLater<T>(label: string, effect: (isAnswered: boolean) => T, fault = this.#chooseFault(true)): Promise<T> {
    const machine = this.#store.machine;
    const process = this.#process;
    const { history } = this.#store;
    const askedAtMs = machine.now;
    if (process.isDead || fault.requestDelayMs === never) return new Promise(() => {});
    const isLate = fault.requestDelayMs >= lateMs;
    if (isLate) process.count(doing.onItsWay, 1);
    if (isLate || fault.answerDelayMs >= lateMs) machine.onDelay(process);
    const answered = new Promise<T>((resolve, reject) => {
      const answer = (settle: () => void, text: string): void => {
        if (fault.answerDelayMs === never) return;
        const tell = (): void => {
          // A busy computer has told it late.
          if (machine.now - askedAtMs >= writeLimitMs && label !== 'get') history.hadNoAnswer.add(process);
          settle();
        };
        machine.later(process, fault.answerDelayMs, () => `store: ${label} ${text}`, tell);
      };
      const arrive = (): void => {
        if (isLate) process.count(doing.onItsWay, -1);
        if (fault.isBefore) {
          answer(() => reject(this.#failure(fault)), `fails (${fault.code})`);
          return;
        }
        // An answer that comes later is not waited for.
        const tookMs = machine.now + fault.answerDelayMs - askedAtMs;
        const isInTime = !fault.code && tookMs < answerLimitMs;
        if (label !== 'get' && (fault.code || tookMs >= writeLimitMs)) history.hadNoAnswer.add(process);
        let result: T;
        try {
          result = effect(isInTime);
        } catch (error) {
          answer(() => reject(error), 'is refused');
          return;
        }
        if (fault.code) {
          answer(() => reject(this.#failure(fault)), `was done, and fails (${fault.code})`);
        } else answer(() => resolve(result), 'is answered');
      };
      machine.later(undefined, fault.requestDelayMs, () => `store: ${label} of process ${process.id} arrives`, arrive);
    });
    return process.during(doingWhat[label] ?? doing.read, answered);
  }

  #chooseFault(isWrite: boolean): Fault {
    const { choices } = this.#store.machine;
    const { outage, options, history } = this.#store;
    if (history.isCalm) return noFault;
    const trouble = choices.trouble(3);
    if (trouble > 0) {
      history.troubles.add(trouble === 3 ? 'late' : 'store');
      return [
        { ...noFault, code: 'STORE_OPEN', isBefore: true } as const,
        { ...noFault, code: 'STORE_OPEN' } as const,
        { ...noFault, answerDelayMs: 20_000 },
      ][trouble - 1] as Fault;
    }
    if (outage === 'unreachable' || (outage === 'full' && isWrite)) {
      history.troubles.add('store');
      return { ...noFault, isBefore: true, code: outage === 'full' ? 'STORE_FULL' : 'STORE_OPEN' };
    }
    if (this.isSilent()) {
      const requestDelayMs = [0, never, 25_000][choices.below(this.#stream, 3)] as number;
      return { ...noFault, requestDelayMs, answerDelayMs: never };
    }
    if (options.faultOneIn === 0 || !choices.isRare(this.#stream, options.faultOneIn)) {
      return options.lateOneIn > 0
        ? { ...noFault, requestDelayMs: this.#chooseLatency(), answerDelayMs: this.#chooseLatency() }
        : noFault;
    }
    history.troubles.add('store');
    const code = (['STORE_OPEN', 'STORE_BUSY', 'STORE_FULL', undefined] as const)[choices.below(this.#stream, 4)];
    const delay = [0, 100, 20_000, 40_000][choices.below(this.#stream, 4)] as number;
    if (delay > 0 || code === 'STORE_BUSY') history.troubles.add('late');
    const isBefore = code !== undefined && (code !== 'STORE_OPEN' || !choices.isRare(this.#stream, 2));
    return choices.isRare(this.#stream, 2)
      ? { code, isBefore, requestDelayMs: delay, answerDelayMs: 0 }
      : { code, isBefore, requestDelayMs: 0, answerDelayMs: delay };
  }

  /** Whether this call never settles. */
  isSilent(): boolean {
    const { options, history, machine } = this.#store;
    if (history.isCalm || !options.isSilent) return false;
    if (this.#silentCalls === 0 && machine.choices.isRare(this.#stream, 12))
      this.#silentCalls = [1, 4, 100][machine.choices.below(this.#stream, 3)] as number;
    if (this.#silentCalls === 0) return false;
    this.#silentCalls--;
    history.wasSilentTo.add(this.#process);
    history.troubles.add('store').add('late');
    return true;
  }

  #chooseLatency(): number {
    const { machine, options, history } = this.#store;
    if (!machine.choices.isRare(this.#stream, options.lateOneIn)) return 0;
    history.troubles.add('late');
    return [10, 300, 3_000][machine.choices.weighted(this.#stream, [1, 1, 2])] as number;
  }

  #failure({ code = 'STORE_OPEN' }: Fault): TokenStoreError {
    this.#store.storeFailed(this.#process);
    const reason = code === 'STORE_OPEN' ? 'unreachable' : undefined;
    return new TokenStoreError(code, 'the simulated store fails', { reason });
  }
}
