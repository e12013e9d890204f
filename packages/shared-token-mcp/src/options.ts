import { hash } from 'node:crypto';
import type { SharedTokenOptions, TokenStore } from 'shared-token';
import type { McpSdk } from './mcp-sdk.ts';

/** A client that was registered beforehand. */
export interface ClientInformation {
  client_id: string;
  client_secret?: string | undefined;
  /**
   * The authorization server that knows the client: the client is shown to no other server. Default: the server of the client's stored
   * sign-in, or without a stored sign-in, the one that the MCP server names.
   */
  issuer?: string | undefined;
}

/** `undefined` stands for the default. */
export interface McpFetchOptions {
  /** The SDK: `import * as sdk from '@modelcontextprotocol/sdk/client/auth.js'`, or from `'@modelcontextprotocol/client'`. */
  sdk: McpSdk;
  /**
   * https, or http on a loopback host. The sign-in is stored under this address, with a digest in place of its query, and the token goes
   * to its origin only.
   */
  serverUrl: string | URL;
  /** Keeps the sign-in. The caller closes the store. */
  store: TokenStore;
  /** Shows the person the page on which to sign in. If it throws or rejects, the sign-in ends with its error. */
  openBrowser: (url: string) => unknown;
  /** The https address of the client's metadata document, which is its client id at servers that support that. */
  clientMetadataUrl?: string | undefined;
  /** Default: the client of the metadata document. Without one, the client registers at its first sign-in (RFC 7591). */
  clientInformation?: ClientInformation | undefined;
  /** The metadata to register. The first of `redirect_uris` fixes host, port and path. Default: `http://localhost`, a free port. */
  clientMetadata?: { redirect_uris?: readonly string[]; [name: string]: unknown } | undefined;
  /** Whether a request may ask a person. If not, the SDK gets the 401 or 403. Default true. */
  interactive?: boolean | undefined;
  /** How often one request may ask a person for more scopes. Default 1. */
  maxStepUps?: number | undefined;
  /** Sends all requests, for example through a proxy. Default: `globalThis.fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
  /** What happens, without secrets: see shared-token. */
  onEvent?: SharedTokenOptions['onEvent'];
}

/** The options with their defaults, checked. */
export type Settings = ReturnType<typeof readOptions>;

const loopback = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d*)?([/?#]|$)/;

/** Whether the network cannot read what is sent there. */
export function isPrivate({ protocol, href }: URL): boolean {
  return protocol === 'https:' || loopback.test(href);
}

/** Throws TypeError or RangeError, naming the option that cannot be used. SharedToken checks the rest. */
export function readOptions(options: McpFetchOptions) {
  const { sdk, serverUrl, store, openBrowser, clientMetadataUrl, clientInformation, onEvent, ...more } = options;
  const { clientMetadata = {}, interactive = true, maxStepUps = 1, fetch = globalThis.fetch, ...unknown } = more;
  for (const name of Object.keys(unknown)) throw new TypeError(`unknown option "${name}"`);
  for (const [name, value] of Object.entries({ 'sdk.auth': sdk?.auth, openBrowser, fetch })) {
    if (typeof value !== 'function') throw new TypeError(`${name} must be a function, not ${typeof value}`);
  }
  if (!Number.isInteger(maxStepUps) || maxStepUps < 0)
    throw new RangeError(`maxStepUps must be an integer of at least 0, not ${maxStepUps}`);
  if (clientInformation && typeof clientInformation.client_id !== 'string')
    throw new TypeError(`clientInformation.client_id must be a string, not ${typeof clientInformation.client_id}`);
  // Without the explicit type, the generated declaration would need the types of Node.js.
  const url: URL | null = URL.parse(String(serverUrl));
  if (!url || !isPrivate(url) || url.password !== '')
    throw new TypeError('serverUrl must be an https address, or an http one on a loopback host, without a password');
  const [redirect = 'http://localhost'] = clientMetadata.redirect_uris ?? [];
  if (!loopback.test(redirect) || !URL.canParse(redirect))
    throw new TypeError('clientMetadata.redirect_uris must begin with an http address on a loopback host');
  const given = { ...options, clientMetadata, interactive, maxStepUps, fetch };
  return { ...given, redirect, serverUrl: url, name: recordName(url) };
}

/** Names appear in messages, and as plain text in a store. A query may have a secret. */
function recordName({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search && `?${hash('sha256', search)}`}`;
}
