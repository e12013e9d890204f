/** Options of `openAcceptor`. `undefined` means the default. */
export interface AcceptorOptions {
  /** The `state` that was sent to the provider. Only a response that carries it is accepted. */
  state: string;
  /**
   * The host in `redirectUri`, as it is registered with the provider. Default `'localhost'`: listens on 127.0.0.1 and [::1]
   * at the same port, because browsers may choose either. A literal address listens only there.
   */
  host?: 'localhost' | '127.0.0.1' | '::1' | undefined;
  /** The port to listen on. Default 0: a free one. Providers have to accept any loopback port (RFC 8252 section 7.3). */
  port?: number | undefined;
  /** The path in `redirectUri`, written as browsers send it (percent-encoded). Default `'/'`. */
  path?: string | undefined;
  /** Milliseconds from opening to the answer, from 1 to 2^31-1. Default 180,000, which is three minutes. */
  timeout?: number | undefined;
  /**
   * How many requests that are not the answer are refused before the wait ends. Default 10,000, which a script in a web page
   * can send in half a minute. With 0 the first request has to be the answer. With `Infinity`, no page can end a sign-in.
   */
  maxStrayRequests?: number | undefined;
  /** The provider's issuer. If it is given, the response has to carry it as `iss` (RFC 9207). */
  issuer?: string | undefined;
  /** Ends the wait. Then `accept()` rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Makes the HTML of the browser's page. Default: a built-in page. The content security policy allows inline style, but no
   * scripts and nothing from another address. If the function throws or returns no string, the built-in page is shown.
   */
  renderPage?: ((page: PageContext) => string) | undefined;
}

/** The outcome of the wait, for `renderPage`. */
export interface PageContext {
  /**
   * - `accepted`: the answer has arrived, and if there is a `redeem`, it has resolved.
   * - `denied`: the provider answered with an error.
   * - `failed`: `redeem` rejected, or the acceptor was closed or aborted after the answer came.
   */
  outcome: 'accepted' | 'denied' | 'failed';
  /** Whether `redeem` has resolved. Only then is it certain that the person is signed in. */
  redeemed: boolean;
  /** The provider's `error`, or the rejection's `code`, or its `name` if it has no code. Not escaped. */
  error?: string;
  /** The provider's `error_description`, or the rejection's message without the code and the state. Not escaped. */
  description?: string;
  /**
   * Makes a text safe between tags and in a quoted attribute: escapes HTML, and replaces control characters and characters
   * that change the reading direction. `undefined`, which `error` and `description` may be, becomes an empty text.
   */
  escape(text: string | undefined): string;
}

export type Settings = ReturnType<typeof resolveOptions>;

/** Node fires a timer with a longer delay at once. */
const maxTimeoutMs = 2 ** 31 - 1;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} if an option has a wrong type or an unknown name, `state` or `issuer` is empty, or `path` cannot be used.
 * @throws {RangeError} if a number is out of range or `host` is unknown.
 */
export function resolveOptions(options: AcceptorOptions) {
  const { state, host = 'localhost', port = 0, path = '/', timeout = 180_000, ...more } = options;
  const { maxStrayRequests = 10_000, issuer, signal, renderPage, ...unknown } = more;
  refuseUnknown(unknown);
  checkText('state', state);
  if (issuer !== undefined) checkText('issuer', issuer);
  // Not `instanceof`: a signal may come from another realm or a polyfill.
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    throw mustBe('signal', 'an AbortSignal', signal);
  if (renderPage !== undefined && typeof renderPage !== 'function')
    throw mustBe('renderPage', 'a function', renderPage);
  if (host !== 'localhost' && host !== '127.0.0.1' && host !== '::1') {
    throw new RangeError(`\`host\` must be 'localhost', '127.0.0.1' or '::1', not '${host}'`);
  }
  checkNumber('port', port, 'an integer from 0 to 65535', Number.isInteger(port) && port >= 0 && port <= 65_535);
  // The path is compared byte for byte with what the browser sends: one that browsers rewrite would never match.
  if (URL.parse(`http://localhost${path}`)?.pathname !== path) {
    const rule = "start with '/', be written as browsers send it, and have no '?' and no '#'";
    throw new TypeError(`\`path\` must ${rule}, not be '${path}'`);
  }
  checkNumber('timeout', timeout, `milliseconds from 1 to ${maxTimeoutMs}`, timeout >= 1 && timeout <= maxTimeoutMs);
  checkNumber('maxStrayRequests', maxStrayRequests, 'a number of at least 0', maxStrayRequests >= 0);
  return { state, host, port, path, timeout, maxStrayRequests, issuer, signal, renderPage };
}

/** Refuses unknown options, which remain after the known ones were taken out: a misspelt one would silently have its default. */
export function refuseUnknown(rest: object): void {
  for (const name of Object.keys(rest)) throw new TypeError(`unknown option "${name}"`);
}

/** Checks a text that must not be empty. The error does not quote it, because the state is a secret. */
export function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw mustBe(name, 'a string', value);
  if (value === '') throw new TypeError(`\`${name}\` must not be empty`);
}

export function mustBe(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`\`${name}\` must be ${expected}, not ${value === null ? 'null' : typeof value}`);
}

function checkNumber(name: string, value: unknown, expected: string, inRange: boolean): void {
  if (typeof value !== 'number') throw mustBe(name, expected, value);
  if (!inRange) throw new RangeError(`\`${name}\` must be ${expected}, not ${value}`);
}
