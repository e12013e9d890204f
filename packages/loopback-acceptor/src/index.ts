/** Waits on the loopback interface for the one OAuth authorization response of the browser. */

export type { Acceptor } from './acceptor.ts';
export { AcceptorError, type AcceptorErrorCode } from './acceptor-error.ts';
export type { AcceptorOptions } from './acceptor-options.ts';
export { AuthorizationError, type AuthorizationErrorDetails } from './answer/authorization-error.ts';
export type { AnswerFlaw, AuthorizationResponse, ExpectedAnswer } from './answer/read-answer.ts';
export { type ExpectedRedirect, readRedirectUrl } from './answer/read-redirect-url.ts';
export { RedirectUrlError, type RedirectUrlReason } from './answer/redirect-url-error.ts';
export { openAcceptor } from './open-acceptor.ts';
export type { PageContext } from './page/page-context.ts';
