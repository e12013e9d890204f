import { resolve } from 'node:path';
import type { TokenStore } from 'shared-token';
import {
  readBoolean,
  readChoice,
  readFunction,
  readNumber,
  readText,
  refuseUnknown,
  wrongType,
} from './check-value.ts';
import { withOfflineAccess } from './scopes.ts';
import type { TokenEvent } from './token-event.ts';

/** Where tokens are kept: in a file, or in a store of the caller's own. */
export interface StoreOptions {
  /** The SQLite file. Default `./tokens.db`. Missing directories are made. */
  dbFilepath?: string | undefined;
  /** Used instead of a file; the handler does not close it. */
  store?: TokenStore | undefined;
  /** Encrypts the tokens in the file: a passphrase, or 32 bytes. */
  encryptionKey?: string | Uint8Array | undefined;
}

/** Durations are milliseconds. */
export interface OneDriveTokenHandlerOptions extends StoreOptions {
  /** Names the record in the store: programs that use the same name and file share one sign-in. */
  appName: string;
  /** The application (client) id of your app registration. */
  clientId: string;
  /** For example `['Files.ReadWrite.All']`. `offline_access` is added if it is missing. */
  scopes: readonly string[];
  /**
   * True: accepts a stored sign-in with any granted scopes, and asks for these again; `scopes` applies if nothing is stored.
   * Default false: a stored sign-in that lacks one of `scopes` is not used.
   */
  useGrantedScopes?: boolean | undefined;
  /** The URL before `/oauth2/v2.0/…`. Default `https://login.microsoftonline.com/consumers`. Plain http only for loopback hosts. */
  authority?: string | undefined;
  /** How long a sign-in waits for the person. Default 180,000. */
  signInTimeout?: number | undefined;
  /** How long one exchange with the provider may take, with its retries. Default 30,000. */
  requestTimeout?: number | undefined;
  /** An access token this close to its end counts as expired, but only in the last tenth of its life. Default 300,000. */
  expirySkew?: number | undefined;
  /** Default `form_post`: no code in addresses (RFC 9700 section 4.3.1). `query` is for browsers that warn about the form (Safari). */
  responseMode?: 'form_post' | 'query' | undefined;
  /** The port for the browser's answer, for example one that `ssh -L` forwards. Default 0: a free one. If in use: CONFIGURATION. */
  redirectPort?: number | undefined;
  /** The host in the redirect URI, as it is registered. Default `localhost`. */
  redirectHost?: 'localhost' | '127.0.0.1' | undefined;
  /** Shows the URL to the person. Default: the `open` package. */
  openBrowser?: ((url: string) => unknown) | undefined;
  /** Whether getToken() may open a browser. Default true; false: SIGN_IN_REQUIRED instead. */
  interactive?: boolean | undefined;
  /** Sends the requests (undici 7 or newer). The handler does not close it. Default: uses HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  dispatcher?: import('undici').Dispatcher | undefined;
  /** What happened, without secrets: for logs, spinners and progress. */
  onEvent?: ((event: TokenEvent) => unknown) | undefined;
}

/** Where tokens are kept, checked: in a store of the caller's own, or in a file. */
export type StoreSettings = Readonly<ReturnType<typeof readStoreOptions>>;

/** The options with their defaults, checked. */
export type Settings = Readonly<ReturnType<typeof readOptions>>;

const defaultAuthority = 'https://login.microsoftonline.com/consumers';
/** The longest delay of a timer in Node. */
export const maxTimeoutMs = 2 ** 31 - 1;

/** Throws TypeError or RangeError, naming the option that cannot be used. */
export function readOptions(options: OneDriveTokenHandlerOptions) {
  const {
    appName,
    clientId,
    scopes,
    store,
    dbFilepath,
    encryptionKey,
    authority,
    signInTimeout = 180_000,
    requestTimeout = 30_000,
    expirySkew = 300_000,
    responseMode = 'form_post',
    redirectPort = 0,
    redirectHost = 'localhost',
    interactive = true,
    useGrantedScopes = false,
    openBrowser,
    dispatcher,
    onEvent,
    ...unknown
  } = options;
  refuseUnknown(unknown);
  if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
    throw wrongType('dispatcher', "one of undici's, for example new ProxyAgent(…)", dispatcher);
  }
  const timeout = { min: 1, max: maxTimeoutMs };
  return {
    ...readStoreOptions({ store, dbFilepath, encryptionKey }),
    appName: readAppName(appName),
    clientId: readText('clientId', clientId),
    scopes: readScopes(scopes),
    useGrantedScopes: readBoolean('useGrantedScopes', useGrantedScopes),
    authority: readAuthority(authority),
    signInTimeout: readNumber('signInTimeout', signInTimeout, timeout),
    requestTimeout: readNumber('requestTimeout', requestTimeout, timeout),
    expirySkew: readNumber('expirySkew', expirySkew, { ...timeout, min: 0 }),
    responseMode: readChoice('responseMode', responseMode, ['form_post', 'query']),
    redirectPort: readNumber('redirectPort', redirectPort, { min: 0, max: 65_535, isInteger: true }),
    redirectHost: readChoice('redirectHost', redirectHost, ['localhost', '127.0.0.1']),
    openBrowser: readFunction('openBrowser', openBrowser),
    interactive: readBoolean('interactive', interactive),
    dispatcher,
    onEvent: readFunction('onEvent', onEvent),
  };
}

/** Throws TypeError, naming the option that cannot be used. SharedToken checks the methods of a store. */
export function readStoreOptions(options: StoreOptions) {
  const { dbFilepath = './tokens.db', store, encryptionKey, ...unknown } = options;
  refuseUnknown(unknown);
  if (store === undefined) {
    // The file is opened later: by then the working directory may be another one.
    return { dbFilepath: resolve(readFilepath(dbFilepath)), encryptionKey: readKey(encryptionKey) };
  }
  if (encryptionKey !== undefined) {
    throw new TypeError('encryptionKey encrypts dbFilepath; a store of your own has to encrypt by itself');
  }
  return { store };
}

function readAppName(value: unknown): string {
  const name = readText('appName', value);
  // SharedToken refuses it as well, but does not know the name of this option.
  if (name.includes('\u001f')) throw new TypeError('appName must not have the control character U+001F');
  return name;
}

function readFilepath(value: unknown): string {
  const path = readText('dbFilepath', value);
  if (path === ':memory:' || path.startsWith('file:') || path.includes('\0')) {
    throw new TypeError(`dbFilepath must be the name of a file, not ${JSON.stringify(path)}`);
  }
  return path;
}

/** Bytes are copied, because the caller may overwrite them. */
function readKey(key: unknown): string | Uint8Array | undefined {
  if (key === undefined || (typeof key === 'string' && key !== '')) return key;
  // Compares the tag, not the class: a test runner may have its own Uint8Array class.
  const isBytes = Object.prototype.toString.call(key) === '[object Uint8Array]';
  if (isBytes && (key as Uint8Array).length === 32) return Uint8Array.from(key as Uint8Array);
  throw new TypeError('encryptionKey must be a passphrase that is not empty, or 32 bytes');
}

function readScopes(scopes: unknown): readonly string[] {
  const valid =
    Array.isArray(scopes) && scopes.length > 0 && scopes.every((s) => typeof s === 'string' && /^\S+$/.test(s));
  if (valid) return withOfflineAccess(scopes);
  throw new TypeError("scopes must be an array of scope names without spaces, for example ['Files.ReadWrite.All']");
}

/** Removes slashes at the end, because paths are appended. Keeps the case, which shared-token ignores. */
export function readAuthority(authority: unknown = defaultAuthority): string {
  const url = URL.parse(readText('authority', authority));
  if (!url?.host) throw new TypeError(`authority must be a URL, for example ${defaultAuthority}`);
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback)) {
    throw new TypeError(
      `authority must be https (plain http only for loopback hosts), not ${url.protocol}//${url.host}`,
    );
  }
  if (url.search || url.hash || url.username || url.password) {
    throw new TypeError(`authority must have no query, fragment or password: ${url.origin}${url.pathname}`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
