import { getSystemErrorMessage } from 'node:util';

/** What went wrong: see {@link GraphClientError}. */
export type GraphClientErrorCode = 'CONNECTION' | 'RESPONSE' | 'CHANGED' | 'INCOMPLETE' | 'FILE' | 'NOT_A_FILE';

const retryableCodes: readonly GraphClientErrorCode[] = ['CONNECTION', 'CHANGED', 'INCOMPLETE'];

/**
 * A call failed, and not because Graph answered with an error status: that is a {@link GraphError}.
 *
 * | code | what happened | retryable |
 * | --- | --- | --- |
 * | `CONNECTION` | no connection was made, nothing came for `idleTimeout`, or the connection broke and retries did not help; `cause` is what `fetch` threw | yes, unless `cause` says no |
 * | `RESPONSE` | Graph's answer cannot be used: it is not JSON, not a collection, or leads to a page or an address that is refused | no |
 * | `CHANGED` | the item changed at Graph while it was downloaded | yes |
 * | `INCOMPLETE` | Graph gave no upload session, ended it early, or did not take a piece of the file | yes |
 * | `FILE` | the local file could not be read or written; `cause` is Node's error with its own `code`, such as `ENOSPC` | no |
 * | `NOT_A_FILE` | the file to upload is a folder, a device or a pipe | no |
 */
export class GraphClientError extends Error {
  override readonly name = 'GraphClientError';
  readonly code: GraphClientErrorCode;
  /** True if the same call may succeed later, with nothing changed on this machine. */
  readonly retryable: boolean;

  constructor(code: GraphClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    // A user's own `fetch` may mark an error as not retryable, for example a bad certificate.
    const { retryable = true } = Object(options?.cause) as { retryable?: unknown };
    this.retryable = retryableCodes.includes(code) && retryable !== false;
  }
}

/** A handler for `catch`, which throws FILE for an error of the file system: `cannot write disk.img: no space left on device`. */
export function fileFailure(action: 'read' | 'write', file: string): (cause: Error & { errno?: number }) => never {
  return (cause) => {
    const reason = cause.errno === undefined ? cause.message : getSystemErrorMessage(cause.errno);
    throw new GraphClientError('FILE', `cannot ${action} ${file}: ${reason}`, { cause });
  };
}
