import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { type NamedProxy, proxyOf } from './proxy-of.ts';
import { readServerDate } from './server-date.ts';

/** What a failed connection means to the person. */
interface Explanation {
  /** Without a full stop. */
  readonly what: string;
  readonly remedy: string;
  /** False if the same call fails until a person has changed something. Default true. */
  readonly retryable?: boolean;
}

const untrusted =
  /^(UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|CERT_CHAIN_TOO_LONG|INVALID_CA|CERT_REJECTED)$/;
const outOfDate = /^CERT_(NOT_YET_VALID|HAS_EXPIRED)$/;

/** A server's time may be this far from ours before ours is called wrong. */
const clockToleranceMs = 3_600_000;

/** Who sent the request. */
interface Sender {
  /** It is the caller's own dispatcher, so the proxies of the environment do not count. */
  readonly hasOwnDispatcher: boolean;
}

/** A NETWORK failure that says whether the provider can have seen the request. */
export class ConnectionError extends OneDriveTokenError {
  /** True if no connection was made: then the request may be repeated without harm. */
  readonly beforeConnection: boolean;

  private constructor({ what, remedy, retryable = true }: Explanation, cause: unknown) {
    super('NETWORK', `${what}. ${remedy}`, { cause: withoutProperties(cause), retryable });
    this.beforeConnection = neverConnected(cause);
  }

  /** May ask the server for its time, to tell a wrong clock from a certificate that is out of date. */
  static async from(url: URL, cause: unknown, sender: Sender): Promise<ConnectionError> {
    const proxy = proxyFor(url, sender);
    const isDate = outOfDate.test(codeOf(cause) ?? '');
    // Through a proxy the time would be another connection's.
    const serverDate = isDate && !proxy ? await readServerDate(url) : undefined;
    return new ConnectionError(explain(url, cause, proxy, serverDate), cause);
  }
}

/** `login.example`, or `login.example through the proxy proxy.example:8080`. */
export function routeTo(url: URL, sender: Sender): string {
  const proxy = proxyFor(url, sender);
  return proxy ? `${url.host} through the proxy ${proxy.host}` : url.host;
}

function proxyFor(url: URL, { hasOwnDispatcher }: Sender): NamedProxy | undefined {
  return hasOwnDispatcher ? undefined : proxyOf(url);
}

function explain(url: URL, cause: unknown, proxy: NamedProxy | undefined, serverDate: number | undefined): Explanation {
  const { host } = url;
  const code = codeOf(cause);
  const message = cause instanceof Error ? cause.message : 'unknown failure';
  if (code !== undefined && outOfDate.test(code)) return wrongDate(host, code, proxy, serverDate);
  if (code !== undefined && untrusted.test(code)) {
    return {
      what: `The certificate of ${host} is not trusted (${code})`,
      remedy: `If your organization or its proxy signs it, set NODE_EXTRA_CA_CERTS to the PEM file of its authority${systemAuthorities()}.`,
      retryable: false,
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      what: `The certificate that came from ${host} is for another name (${code})`,
      remedy:
        'Something else answers in its place: log in to the network that you are in, or check the address and HTTPS_PROXY.',
      retryable: false,
    };
  }
  if (proxy) return throughProxy(host, proxy, cause, code ?? message);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      what: `No answer from ${host}: its name is not found (${code})`,
      remedy: 'Check the network and the name, then try again.',
    };
  }
  // If the request was given up, or a proxy refused, what happened is in undici's message alone.
  const reason = code === undefined || code === 'UND_ERR_ABORTED' ? message : code;
  return {
    what: `No answer from ${host} (${reason})`,
    remedy: 'Check the network, HTTPS_PROXY and NO_PROXY, then try again.',
  };
}

/** More often the clock of this machine is wrong than the certificate is out of date. */
function wrongDate(
  host: string,
  code: string,
  proxy: NamedProxy | undefined,
  serverDate: number | undefined,
): Explanation {
  const says = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
  if (serverDate === undefined) {
    return {
      what: `The certificate of ${host} ${says} by this machine's clock, which says ${utc(Date.now())} (${code})`,
      remedy: `Check this machine's clock. If the clock is right, ${proxy ? `the certificate of ${host} or of the proxy ${proxy.host}` : 'the certificate'} is out of date: its owner has to renew it.`,
      retryable: false,
    };
  }
  if (Math.abs(serverDate - Date.now()) > clockToleranceMs) {
    return {
      what: `This machine's clock is wrong: it says ${utc(Date.now())}, and ${host} says ${utc(serverDate)} (${code})`,
      remedy: "Check this machine's clock and set it, then try again.",
      retryable: false,
    };
  }
  return {
    what: `The certificate of ${host} ${says} (${code}), and this machine's clock is right`,
    remedy: 'Its owner has to renew it.',
    retryable: false,
  };
}

/** 2026-01-31 14:05 UTC */
function utc(timestamp: number): string {
  return `${new Date(timestamp).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function throughProxy(host: string, proxy: NamedProxy, cause: unknown, reason: string): Explanation {
  const check = `Check ${proxy.variable}, or put ${host.replace(/:\d+$/, '')} into NO_PROXY if it can be reached without a proxy.`;
  const [, status] = /Proxy response \((\d+)\)/.exec(messagesOf(cause)) ?? [];
  if (status === '407') {
    return {
      what: `The proxy ${proxy.host} asks for a user name and a password (HTTP 407)`,
      remedy: `Write them into ${proxy.variable}: http://USER:PASSWORD@${proxy.host}`,
      retryable: false,
    };
  }
  if (status !== undefined) {
    return {
      what: `The proxy ${proxy.host} does not connect to ${host} (HTTP ${status})`,
      remedy: check,
      retryable: Number(status) >= 500,
    };
  }
  if (neverConnected(cause)) return { what: `No answer from the proxy ${proxy.host} (${reason})`, remedy: check };
  return { what: `No answer from ${host} through the proxy ${proxy.host} (${reason})`, remedy: check };
}

function systemAuthorities(): string {
  return process.allowedNodeEnvironmentFlags.has('--use-system-ca')
    ? '. If this system trusts it already, set NODE_OPTIONS=--use-system-ca instead'
    : '';
}

function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : '';
}

/** The code of an error, of its cause, or of the first of several (one per address that was tried). */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error instanceof AggregateError ? error.errors[0] : error.cause);
}

/** Decides by the system call that failed: codes like EHOSTUNREACH also come from connections that were made long ago. */
function neverConnected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverConnected);
  if ('syscall' in error) return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
  return ('code' in error && error.code === 'UND_ERR_CONNECT_TIMEOUT') || neverConnected(error.cause);
}

/** A copy without properties: undici's errors hold sockets and unread parts of a response, which may be tokens. */
function withoutProperties(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  const causes = error instanceof AggregateError ? error.errors : [error.cause];
  const [cause] = causes.map(withoutProperties).filter(Boolean);
  const copy = new Error(error.message, cause ? { cause } : {});
  copy.name = error.name;
  return Object.assign(copy, codeOf(error) && { code: codeOf(error) });
}
