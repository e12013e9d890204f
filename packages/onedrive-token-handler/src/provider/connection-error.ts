import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { type NamedProxy, proxySpelling } from './proxy-of.ts';

/** The problem, the remedy, and whether a retry may succeed: if `false`, not before a person has followed the remedy. */
type Explanation = [problem: string, remedy: string, retryable?: boolean];

const untrusted =
  /^(UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|CERT_CHAIN_TOO_LONG|INVALID_CA|CERT_REJECTED)$/;
const loginPage = 'If this network has a login page, log in there first';
const outOfDate = /^CERT_(NOT_YET_VALID|HAS_EXPIRED)$/;

/** A NETWORK failure that says whether the provider can have seen the request. */
export class ConnectionError extends OneDriveTokenError {
  /** True if no connection was made: then the request may be repeated without harm. */
  readonly beforeConnection: boolean;

  private constructor([problem, remedy, retryable = true]: Explanation, cause?: unknown) {
    super('NETWORK', problem, { remedy, cause: cause && withoutProperties(cause), retryable });
    this.beforeConnection = neverConnected(cause);
  }

  static from({ host }: URL, cause: unknown, proxy: NamedProxy | undefined): ConnectionError {
    return new ConnectionError(explain(host, cause, proxy), cause);
  }

  /** No answer came within `timeout` milliseconds. */
  static late({ host }: URL, timeout: number, proxy: NamedProxy | undefined): ConnectionError {
    const problem = `No answer from ${host}${through(proxy)} within ${Math.round(timeout / 100) / 10} s`;
    return new ConnectionError([problem, 'Try again later']);
  }
}

function explain(host: string, cause: unknown, proxy: NamedProxy | undefined): Explanation {
  const code = codeOf(cause);
  // The error does not tell the two certificates from each other.
  const sender = proxy?.usesTls ? `${host} or the proxy ${proxy.host}` : host;
  if (untrusted.test(code)) {
    // First, so that nobody comes to trust the certificate of a hotel.
    const remedy = `${loginPage}. If your organization or its proxy signs it, set NODE_EXTRA_CA_CERTS to the PEM file of its authority. If this system trusts it already, set NODE_OPTIONS=--use-system-ca instead`;
    return [`The certificate of ${sender} is not trusted (${code})`, remedy, false];
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const remedy = `Something else answers in its place. ${loginPage}. If not, check the address and HTTPS_PROXY`;
    return [`The certificate that came from ${sender} is for another name (${code})`, remedy];
  }
  if (outOfDate.test(code)) {
    // More often the clock of this machine is wrong than the certificate is out of date.
    const remedy = "Check this machine's clock. If it is right, the server's owner has to renew the certificate";
    return [`The certificate of ${sender} is out of date by this machine's clock (${code})`, remedy, false];
  }
  if (code === 'UND_ERR_INVALID_ARG') {
    const problem = `The dispatcher rejected the request (${messagesOf(cause)[0]})`;
    return [problem, 'Make it with undici 7 or newer', false];
  }
  // For an aborted request, only undici's message says what happened.
  const reason = (code !== 'UND_ERR_ABORTED' && code) || messagesOf(cause)[0] || 'unknown failure';
  if (proxy) return explainProxy(host, cause, proxy, reason);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const remedy = 'Check the network and the name, then try again';
    return [`No answer from ${host}: its name is not found (${code})`, remedy];
  }
  return [`No answer from ${host} (${reason})`, 'Check the network, HTTPS_PROXY and NO_PROXY, then try again'];
}

function explainProxy(host: string, cause: unknown, proxy: NamedProxy, reason: string): Explanation {
  const [, status] = /Proxy response \((\d+)\)/.exec(messagesOf(cause).join(' ')) ?? [];
  if (status === '407') {
    const what = proxy.hasCredentials ? 'refuses the user name and password' : 'asks for a user name and a password';
    const problem = `The proxy ${proxy.host} ${what} (HTTP 407)`;
    return [problem, `Write the right ones into ${proxy.variable}: ${proxySpelling}`, false];
  }
  const remedy = `Check ${proxy.variable}, or put ${host.replace(/:\d+$/, '')} into NO_PROXY if it can be reached without a proxy`;
  if (status !== undefined) {
    const problem = `The proxy ${proxy.host} does not connect to ${host} (HTTP ${status})`;
    return [problem, remedy, Number(status) >= 500];
  }
  const silent = neverConnected(cause) ? `the proxy ${proxy.host}` : `${host}${through(proxy)}`;
  return [`No answer from ${silent} (${reason})`, remedy];
}

function through(proxy: NamedProxy | undefined): string {
  return proxy ? ` through the proxy ${proxy.host}` : '';
}

/** The error of each address that was tried, or the cause. */
function causesOf(error: unknown): readonly unknown[] {
  const { errors, cause } = Object(error) as { errors?: readonly unknown[]; cause?: unknown };
  return errors ?? (cause === undefined ? [] : [cause]);
}

/** The messages of an error and of all its causes. */
function messagesOf(error: unknown): string[] {
  const { message = '' } = Object(error) as { message?: string };
  return [message, ...causesOf(error).flatMap(messagesOf)];
}

/** The code of an error, or of its cause. Empty if there is none. */
function codeOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  const [cause] = causesOf(error);
  return typeof code === 'string' ? code : cause ? codeOf(cause) : '';
}

/** Decides by the system call that failed: codes like EHOSTUNREACH also come from connections that were made long ago. */
function neverConnected(error: unknown): boolean {
  const causes = causesOf(error);
  if (causes.length > 0) return causes.every(neverConnected);
  const { syscall, code } = Object(error) as NodeJS.ErrnoException;
  return syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT';
}

/** A copy with the messages and code alone: undici's errors hold sockets and unread parts of a response, which may be tokens. */
function withoutProperties(error: unknown): Error {
  const code = codeOf(error);
  return Object.assign(new Error(messagesOf(error).filter(Boolean).join(': ')), code && { code });
}
