import { GraphClientError } from '../graph-client-error.ts';
import { isError } from './is-error.ts';

export const defaultIdleTimeoutMs = 30_000;
/** By then a person wonders whether anything happens. */
const silenceNoticeMs = 5_000;

/** Nothing has come from a host for 5 seconds. */
export interface GraphSilence {
  readonly host: string;
  /** When the attempt is given up, in milliseconds since its last byte. */
  readonly timeout: number;
  /** Resolves when something has come, or the attempt was given up. */
  readonly ended: Promise<void>;
}

/** How long nothing may come: no connection, no first byte of an answer, no further byte of it. */
export class IdleLimit {
  readonly timeout: number;
  /** What `onSilence` has thrown: it comes through unchanged. */
  readonly thrown = new Set<unknown>();
  readonly #onSilence: ((silence: GraphSilence) => void) | undefined;

  constructor(timeout = defaultIdleTimeoutMs, onSilence?: (silence: GraphSilence) => void) {
    this.timeout = timeout;
    this.#onSilence = onSilence;
  }

  /** The outcome of `work`, or CONNECTION if it is not settled in time; its signal aborts then. */
  async watch<T>(host: string, work: (stop: AbortSignal) => Promise<T>, timeout = this.timeout): Promise<T> {
    const stop = new AbortController();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const tell = (): void => {
      try {
        this.#onSilence?.({ host, timeout, ended });
      } catch (error) {
        this.thrown.add(error);
        reject(error);
      }
    };
    const giveUp = (): void => {
      const cause = new DOMException('nothing came in time', 'TimeoutError');
      reject(new GraphClientError('CONNECTION', `no answer from ${host} within ${timeout / 1000} s`, { cause }));
      stop.abort(cause);
    };
    const notice = this.#onSilence && timeout > silenceNoticeMs && setTimeout(tell, silenceNoticeMs);
    const limit = setTimeout(giveUp, timeout);
    try {
      return await Promise.race([late, work(stop.signal)]);
    } finally {
      clearTimeout(limit);
      if (notice) clearTimeout(notice);
      end();
    }
  }
}

interface Source {
  /** What Graph was asked for. Absent for an address that is a secret itself. */
  readonly path?: string;
  readonly host: string;
  readonly limit: IdleLimit;
}

/** Where each response came from, and the limit of the client that asked for it. */
const sources = new WeakMap<Response, Source>();

export function keepSource(response: Response, source: Source): Response {
  sources.set(response, source);
  return response;
}

/** A response that did not come from a client has the default limit. */
export function sourceOf(response: Response): Source {
  return sources.get(response) ?? { host: URL.parse(response.url)?.host ?? 'the server', limit: new IdleLimit() };
}

/** Whether an attempt was given up because nothing came in time. */
export function isTimeout(error: unknown): error is GraphClientError {
  return error instanceof GraphClientError && isError(error.cause) && error.cause.name === 'TimeoutError';
}
