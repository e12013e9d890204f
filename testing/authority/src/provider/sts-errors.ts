/** An error of oidc-provider: its OAuth error, its internal detail, and the text that it would have sent. */
export interface RaisedError {
  readonly name: string;
  readonly detail: string;
  readonly text: string;
}

/** One of Microsoft's errors. https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
export interface StsError {
  /** Whether Microsoft answers with this error. `parameter` reads the request. */
  when(raised: RaisedError, parameter: (name: string) => string): boolean;
  readonly code: number;
  text(parameter: (name: string) => string, raised: RaisedError): string;
  /** Microsoft's OAuth error, if it differs from oidc-provider's. */
  readonly error?: string;
  readonly suberror?: string;
  /** Default 400. */
  readonly status?: number;
}

/** The first error that fits is the answer. The last one always fits. */
export const stsErrors: readonly StsError[] = [
  {
    when: ({ name, detail }) => name === 'invalid_client' && detail === 'client not found',
    code: 700016,
    error: 'unauthorized_client',
    text: (parameter) =>
      `Application with identifier '${parameter('client_id')}' was not found in the directory 'Microsoft Accounts'.`,
  },
  {
    when: ({ detail }) => detail.startsWith('the provided authentication mechanism'),
    code: 700025,
    status: 401,
    text: () => "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
  },
  {
    when: ({ detail }) => detail === 'wrong tenant',
    code: 9002331,
    text: (parameter) =>
      `Application '${parameter('client_id')}' is configured for use by Microsoft Account users only. Please use the /consumers endpoint to serve this request.`,
  },
  {
    when: ({ name, text }) => name === 'invalid_request' && /^(missing required|no client auth)/.test(text),
    code: 900144,
    text: (_, { text }) =>
      `The request body must contain the following parameter: '${/parameters? '?(\w+)/.exec(text)?.[1] ?? 'client_id'}'.`,
  },
  {
    when: ({ name }) => name === 'unsupported_grant_type',
    code: 70003,
    text: (parameter) => `The app requested an unsupported grant type '${parameter('grant_type')}'.`,
  },
  {
    when: ({ name }) => name === 'invalid_redirect_uri',
    code: 50011,
    error: 'invalid_request',
    text: (parameter) =>
      `The redirect URI '${parameter('redirect_uri')}' specified in the request does not match the redirect URIs configured for the application '${parameter('client_id')}'.`,
  },
  {
    when: ({ name }, parameter) => name === 'invalid_scope' && parameter('grant_type') === 'refresh_token',
    code: 65001,
    error: 'invalid_grant',
    suberror: 'consent_required',
    text: (parameter) =>
      `The user or administrator has not consented to use the application with ID '${parameter('client_id')}'. Send an interactive authorization request for this user and resource.`,
  },
  {
    when: ({ detail }) => detail === 'authorization code already consumed',
    code: 54005,
    text: () =>
      'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  },
  {
    when: ({ detail }) => detail === 'authorization code is expired',
    code: 70008,
    text: () =>
      'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  },
  {
    when: ({ detail }) => detail === 'authorization code redirect_uri mismatch',
    code: 500112,
    error: 'invalid_client',
    status: 401,
    text: (parameter) =>
      `The reply address '${parameter('redirect_uri')}' does not match the reply address provided when requesting Authorization code.`,
  },
  {
    when: ({ detail }) => detail === 'refresh token is expired',
    code: 700082,
    suberror: 'bad_token',
    text: () => 'The refresh token has expired due to inactivity. The token was inactive for 90.00:00:00.',
  },
  {
    when: ({ name, detail }) => name === 'invalid_grant' && detail === 'grant not found',
    code: 50173,
    suberror: 'bad_token',
    text: () =>
      'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.',
  },
  {
    when: ({ name, detail }) => name === 'invalid_grant' && detail.startsWith('device code'),
    code: 70018,
    error: 'bad_verification_code',
    text: () => 'Invalid verification code due to an unknown or already redeemed device code.',
  },
  {
    when: ({ detail, text }) => detail.includes('code_verifier') || text.startsWith('code_verifier'),
    code: 501481,
    error: 'invalid_grant',
    text: () => 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  },
  {
    when: ({ name }) => name === 'invalid_grant',
    code: 70000,
    text: () =>
      'The user could not be authenticated or the grant is expired. The user must first sign in and if needed grant the client application access to the requested scope.',
  },
  {
    when: ({ name }, parameter) => name === 'access_denied' && parameter('device_code') !== '',
    code: 65004,
    error: 'authorization_declined',
    text: () => 'User declined to consent to access the app.',
  },
  // Microsoft documents no number for slow_down. This is the number of authorization_pending.
  {
    when: ({ name }) => name === 'authorization_pending' || name === 'slow_down',
    code: 70016,
    text: () => 'OAuth 2.0 device flow error. Authorization is pending. Continue polling.',
  },
  {
    when: ({ name }) => name === 'expired_token',
    code: 70020,
    text: () => "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
  },
  {
    when: ({ name }) => name === 'server_error',
    code: 90033,
    status: 503,
    error: 'temporarily_unavailable',
    text: () => 'A transient error has occurred. Please try again.',
  },
  {
    when: () => true,
    code: 90014,
    text: (_, { text }) => `The request is not valid: ${text}.`,
  },
];
