/** The endpoints whose requests are counted and can fail. Downloads and uploads go to `content`. */
export type Endpoint = 'authorize' | 'token' | 'devicecode' | 'graph' | 'content';

/** What happens to a request instead of, or in addition to, the normal answer. */
export type Fault =
  /**
   * Another answer; the provider does not see the request. `retryAfter` is the text of the header: seconds or an HTTP date.
   * Without `body`, Graph answers with its JSON for that status, other endpoints with an empty body. Default of `contentType`: HTML.
   */
  | {
      type: 'status';
      status: number;
      retryAfter?: string;
      body?: string;
      contentType?: string;
      headers?: Record<string, string>;
    }
  /** An error in Microsoft's JSON; the provider does not see the request. */
  | { type: 'oauth'; error: string; description?: string; errorCodes?: number[]; status?: number; suberror?: string }
  /** The normal answer, `ms` milliseconds later. */
  | { type: 'slow'; ms: number }
  /** The normal answer, as soon as `until` has resolved, even if the client has disconnected. Only within this process, not over HTTP. */
  | { type: 'held'; until: Promise<unknown> }
  /** The connection is reset: before the provider sees the request, or after it has done what the request asks for. */
  | { type: 'drop'; when: 'before' | 'after' }
  /** The request is accepted and never answered. */
  | { type: 'hang' }
  /** An answer begins and never ends; the provider does not see the request. */
  | { type: 'stall' }
  /** The normal answer, changed: an object is sent as JSON, a string as it is. */
  | { type: 'response'; change: (body: Record<string, unknown>) => unknown };

/** Which requests fail. */
export interface FaultOptions {
  /** How many requests. Default 1. */
  times?: number;
  /** Only requests with this `grant_type`. */
  grantType?: string;
}

/** The pending faults, the oldest first. */
export class FaultQueue {
  #waiting: { endpoint: Endpoint; fault: Fault; grantType: string | undefined; times: number }[] = [];

  /** Makes the next requests to an endpoint fail. A RangeError if `times` is no positive number. */
  add(endpoint: Endpoint, fault: Fault, { times = 1, grantType }: FaultOptions = {}): void {
    if (!(times > 0)) throw new RangeError(`times must be a positive number, not ${times}`);
    this.#waiting.push({ endpoint, fault, grantType, times });
  }

  /** Removes and returns the fault for a request, if there is one. */
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
