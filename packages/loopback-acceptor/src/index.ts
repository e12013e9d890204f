/** Waits on the loopback interface for the one OAuth authorization response of the browser. */

export { AcceptorError, type AcceptorErrorCode } from './acceptor-error.ts';
export type { AcceptorOptions } from './acceptor-options.ts';
export { AuthorizationError, type AuthorizationErrorDetails } from './answer/authorization-error.ts';
export type { AuthorizationResponse } from './answer/read-answer.ts';
export { type Acceptor, openAcceptor } from './open-acceptor.ts';
export type { PageContext } from './page/page-context.ts';
