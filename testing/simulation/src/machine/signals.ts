/**
 * AbortController and AbortSignal as the DOM standard defines them, as far as the packages use them. Node's own take 30 µs to abort,
 * because each makes a DOMException with a stack, and a schedule aborts many.
 */
type Listener = (event: Event) => void;

/** The number of the schedule that runs. */
let schedule = 0;

/**
 * Call it at the beginning of a schedule. A signal that outlives schedules, such as one that never aborts, then forgets what an ended
 * schedule has joined to it: otherwise each schedule would stay in memory.
 */
export function forgetSchedule(): void {
  schedule++;
}

export class SimulatedSignal {
  aborted = false;
  reason: unknown;
  readonly #listeners: { listener: Listener; once: boolean }[] = [];
  readonly #dependents: SimulatedSignal[] = [];
  #schedule = schedule;

  static any(signals: readonly SimulatedSignal[]): SimulatedSignal {
    const result = new SimulatedSignal();
    for (const signal of signals) {
      if (!signal.aborted) continue;
      result.aborted = true;
      result.reason = signal.reason;
      return result;
    }
    for (const signal of signals) {
      signal.#renew();
      signal.#dependents.push(result);
    }
    return result;
  }

  static abort(reason: unknown = abortError): SimulatedSignal {
    const signal = new SimulatedSignal();
    signal.aborted = true;
    signal.reason = reason;
    return signal;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: Listener, options?: { once?: boolean }): void {
    this.#renew();
    if (this.#indexOf(listener) >= 0) return;
    this.#listeners.push({ listener, once: options?.once === true });
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    const index = this.#indexOf(listener);
    if (index >= 0) this.#listeners.splice(index, 1);
  }

  /** Whether that one aborts with this one. */
  leadsTo(signal: unknown): boolean {
    return this.#dependents.some((each) => each === signal);
  }

  /** Marks this signal and those that depend on it, then tells the listeners, as the standard orders. */
  static abortNow(signal: SimulatedSignal, reason: unknown): void {
    if (signal.aborted) return;
    const all: SimulatedSignal[] = [];
    signal.#mark(reason, all);
    for (const each of all) each.#tell();
  }

  #indexOf(listener: Listener): number {
    const listeners = this.#listeners;
    for (let index = 0; index < listeners.length; index++) if (listeners[index]?.listener === listener) return index;
    return -1;
  }

  #renew(): void {
    if (this.#schedule === schedule) return;
    this.#schedule = schedule;
    this.#listeners.length = 0;
    this.#dependents.length = 0;
  }

  #mark(reason: unknown, marked: SimulatedSignal[]): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    marked.push(this);
    for (const dependent of this.#dependents) dependent.#mark(reason, marked);
  }

  #tell(): void {
    if (this.#listeners.length === 0) return;
    const event = { type: 'abort', target: this } as unknown as Event;
    for (const { listener, once } of [...this.#listeners]) {
      if (this.#indexOf(listener) < 0) continue;
      if (once) this.removeEventListener('abort', listener);
      listener.call(this, event);
    }
  }
}

// A store may ask whether it was given an AbortSignal.
Object.setPrototypeOf(SimulatedSignal.prototype, AbortSignal.prototype);

const abortError = new DOMException('This operation was aborted', 'AbortError');

export class SimulatedController {
  readonly signal: SimulatedSignal = new SimulatedSignal();

  abort(reason: unknown = abortError): void {
    SimulatedSignal.abortNow(this.signal, reason);
  }
}
