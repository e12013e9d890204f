/** The endpoints that are counted and can fail. `content` is where Graph sends downloads and uploads to. */
export type Endpoint = 'authorize' | 'token' | 'devicecode' | 'graph' | 'content';

/** What a request meets instead of, or on top of, the proper answer. */
export type Fault =
  /**
   * Another answer altogether; the provider never sees the request. `retryAfter` is the header's text: seconds or an
   * HTTP date. Without a `body` it is Graph's JSON for that status at Graph, and empty elsewhere; `contentType` is HTML by default.
   */
  | {
      type: 'status';
      status: number;
      retryAfter?: string;
      body?: string;
      contentType?: string;
      headers?: Record<string, string>;
    }
  /** An error in Microsoft's JSON; the provider never sees the request. */
  | { type: 'oauth'; error: string; description?: string; errorCodes?: number[]; status?: number; suberror?: string }
  /** The proper answer, `ms` milliseconds later. */
  | { type: 'slow'; ms: number }
  /** The proper answer, once this has resolved, although the client may have gone by then. In this process only. */
  | { type: 'held'; until: Promise<unknown> }
  /** The connection is reset: before the provider saw the request, or after it did all it was asked to. */
  | { type: 'drop'; when: 'before' | 'after' }
  /** The request is accepted and never answered. */
  | { type: 'hang' }
  /** An answer begins and never ends; the provider never sees the request. */
  | { type: 'stall' }
  /** The proper answer, changed: an object is sent as JSON, a string as it is. */
  | { type: 'response'; change: (body: Record<string, unknown>) => unknown };

/** Which requests meet a fault. */
export interface FaultOptions {
  /** How many requests meet it. Default 1. */
  times?: number;
  /** Only requests with this `grant_type`. */
  grantType?: string;
}

/** The faults that wait for their requests, in the order in which they were ordered. */
export class FaultQueue {
  #waiting: { endpoint: Endpoint; fault: Fault; grantType: string | undefined; times: number }[] = [];

  /** Lets the next requests to an endpoint meet a fault. A RangeError where `times` is no positive number. */
  add(endpoint: Endpoint, fault: Fault, { times = 1, grantType }: FaultOptions = {}): void {
    if (!(times > 0)) throw new RangeError(`times must be a positive number, not ${times}`);
    this.#waiting.push({ endpoint, fault, grantType, times });
  }

  /** The fault that a request meets, if any. It counts as met. */
  take(endpoint: Endpoint, grantType: string | undefined): Fault | undefined {
    const found = this.#waiting.find(
      (entry) => entry.endpoint === endpoint && (entry.grantType === undefined || entry.grantType === grantType),
    );
    if (!found) return undefined;
    found.times -= 1;
    if (found.times <= 0) this.#waiting = this.#waiting.filter((entry) => entry !== found);
    return found.fault;
  }

  clear(): void {
    this.#waiting = [];
  }
}
