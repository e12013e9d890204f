/** What ended the wait without an answer. */
export type AcceptorErrorCode = 'ACCEPTOR_TIMEOUT' | 'ACCEPTOR_CLOSED' | 'ACCEPTOR_STRAY_REQUEST' | 'ACCEPTOR_LISTEN';

/** The wait ended without an answer from the provider, or could not begin. Its message contains no secret. */
export class AcceptorError extends Error {
  override readonly name = 'AcceptorError';
  /**
   * - `ACCEPTOR_TIMEOUT`: no answer came within `timeout`.
   * - `ACCEPTOR_CLOSED`: `close()` was called before there was an outcome.
   * - `ACCEPTOR_STRAY_REQUEST`: more than `maxStrayRequests` requests came that were not the answer.
   * - `ACCEPTOR_LISTEN`: the acceptor could not listen on a loopback address; `cause` is the system's error.
   */
  readonly code: AcceptorErrorCode;
  /** What went wrong. The message is this text, followed by `remedy`. */
  readonly problem: string;
  /** What the program can do. Missing if there is nothing. */
  declare readonly remedy?: string;

  constructor(code: AcceptorErrorCode, problem: string, options: ErrorOptions & { remedy?: string } = {}) {
    const { remedy } = options;
    super(remedy === undefined ? problem : `${problem}. ${remedy}`, options);
    this.code = code;
    this.problem = problem;
    if (remedy !== undefined) this.remedy = remedy;
  }
}
