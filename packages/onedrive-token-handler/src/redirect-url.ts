/** Reads the answer to a sign-in from an address that a person pasted, by the rules for an answer of the browser. */
export { AuthorizationError, RedirectUrlError, readRedirectUrl } from 'loopback-acceptor';
