/** Waits on the loopback interface for the one OAuth authorization response of the browser. */

export { AcceptorError, type AcceptorErrorCode } from './acceptor-error.ts';
export type { AcceptorOptions, PageContext } from './acceptor-options.ts';
export { AuthorizationError, type AuthorizationResponse, type ExpectedRedirect } from './answer/read-answer.ts';
export { RedirectUrlError, type RedirectUrlReason, readRedirectUrl } from './answer/read-redirect-url.ts';
export { type Acceptor, openAcceptor } from './loopback-acceptor.ts';
