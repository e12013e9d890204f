/** Waits on the loopback interface for the one OAuth authorization response of the browser. */

export { type Acceptor, openAcceptor } from './acceptor.ts';
export { AcceptorError, type AcceptorErrorCode } from './acceptor-error.ts';
export type { AcceptorOptions } from './acceptor-options.ts';
export { AuthorizationError, type AuthorizationErrorDetails } from './authorization-error.ts';
export type { PageContext } from './page-context.ts';
export type { AuthorizationResponse } from './read-answer.ts';
