import type { Endpoint, Fault, FaultOptions } from './requests/faults.ts';
import type { ServedRequest } from './requests/request-log.ts';

export interface AuthorityOptions {
  /** Whole seconds, at least 1. Default 3600. `authority.accessTokenTtl` changes it later. */
  accessTokenTtl?: number;
  /** Serves https with this key and certificate, as PEM; `issueCertificate()` makes them. Default: plain http. */
  tls?: { key: string; cert: string };
  /** For how many milliseconds a rotated refresh token is still accepted. Default 0: its reuse revokes at once. */
  reuseGrace?: number;
  /** The redirect URIs of the clients. One on loopback matches with any port. Default `['http://localhost']`. */
  redirectUris?: string[];
  /** The least seconds between two polls of the device flow; a faster poll gets `slow_down`. Default 5. 0: never `slow_down`, but openid-client refuses such a provider. */
  deviceInterval?: number;
}

/** An identity provider that behaves like Microsoft's, with a small Graph that accepts its tokens. It listens on 127.0.0.1 only. */
export interface Authority extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** The authority, `${origin}/consumers`. Its endpoints are `/oauth2/v2.0/{authorize,token,devicecode}` below it. */
  readonly url: string;
  /** The `iss` of ID tokens, `${url}/v2.0`. OpenID Connect Discovery works with it. */
  readonly issuer: string;
  /** `${origin}/v1.0` */
  readonly graphUrl: string;
  /** A registered native public client with the redirect URI `http://localhost`, any port. PKCE is required. */
  readonly clientId: string;
  /** A second such client. */
  readonly otherClientId: string;
  /** A third client, for programs without PKCE, which Microsoft still serves. If a program sends a challenge, it is checked. */
  readonly clientIdWithoutPkce: string;
  /** A client that has to send its secret in the form. */
  readonly confidentialClient: { readonly clientId: string; readonly clientSecret: string };
  /** The lifetime of access tokens issued from now on, in whole seconds. */
  accessTokenTtl: number;
  /** How many requests an endpoint has got: all of them, or those with one `grant_type`. */
  count(endpoint: Endpoint, grantType?: string): number;
  readonly requests: readonly ServedRequest[];
  /** Makes the next requests to an endpoint fail. */
  fail(endpoint: Endpoint, fault: Fault, options?: FaultOptions): void;
  clearFaults(): void;
  /** Every code and token issued so far, device codes included. None of them may be in a log. */
  readonly issuedSecrets: ReadonlySet<string>;
  /** Revokes all grants: a refresh gets `invalid_grant`, AADSTS50173. Access tokens work until they expire, as at Microsoft. */
  revokeAll(): Promise<void>;
  /** Makes all access tokens expire: Graph answers 401 to them. */
  expireAccessTokens(): Promise<void>;
  /** Resolves when no client is connected any more. Then everything that a killed process has sent has been answered. */
  untilDisconnected(): Promise<void>;
  /** Closes every connection and stops listening. */
  close(): Promise<void>;
}
