import { OneDriveTokenError } from '../one-drive-token-error.ts';
import type { NamedProxy } from './proxy-of.ts';
import { readServerDate } from './server-date.ts';

/** What a failed connection means to the person. */
interface Explanation {
  readonly problem: string;
  readonly remedy: string;
  /** False if the same call fails until a person has changed something. Default true. */
  readonly retryable?: boolean;
}

const untrusted =
  /^(UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|CERT_CHAIN_TOO_LONG|INVALID_CA|CERT_REJECTED)$/;
const outOfDate = /^CERT_(NOT_YET_VALID|HAS_EXPIRED)$/;

/** A server's time may be this far from ours before ours is called wrong. */
const clockToleranceMs = 3_600_000;

/** A NETWORK failure that says whether the provider can have seen the request. */
export class ConnectionError extends OneDriveTokenError {
  /** True if no connection was made: then the request may be repeated without harm. */
  readonly beforeConnection: boolean;

  private constructor({ problem, remedy, retryable = true }: Explanation, cause?: unknown) {
    super('NETWORK', problem, { remedy, cause: withoutProperties(cause), retryable });
    this.beforeConnection = neverConnected(cause);
  }

  /** May ask the server for its time, to tell a wrong clock from a certificate that is out of date. */
  static async from(url: URL, cause: unknown, proxy: NamedProxy | undefined): Promise<ConnectionError> {
    const code = codeOf(cause) ?? '';
    // Through a proxy the time would be another connection's.
    const serverDate = outOfDate.test(code) && !proxy ? await readServerDate(url) : undefined;
    const explanation = outOfDate.test(code)
      ? wrongDate(url.host, code, proxy, serverDate)
      : (explainCertificate(url.host, code) ??
        (proxy ? throughProxy(url.host, proxy, cause) : noAnswer(url.host, code, cause)));
    return new ConnectionError(explanation, cause);
  }

  /** No answer came within `timeout` milliseconds. */
  static late({ host }: URL, timeout: number, proxy: NamedProxy | undefined): ConnectionError {
    const route = proxy ? `${host} through the proxy ${proxy.host}` : host;
    const problem = `No answer from ${route} within ${Math.round(timeout / 100) / 10} s`;
    return new ConnectionError({ problem, remedy: 'Try again later' });
  }
}

function explainCertificate(host: string, code: string): Explanation | undefined {
  if (untrusted.test(code)) {
    return {
      problem: `The certificate of ${host} is not trusted (${code})`,
      remedy: `If your organization or its proxy signs it, set NODE_EXTRA_CA_CERTS to the PEM file of its authority${systemAuthorities()}`,
      retryable: false,
    };
  }
  if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return undefined;
  return {
    problem: `The certificate that came from ${host} is for another name (${code})`,
    remedy:
      'Something else answers in its place: log in to the network that you are in, or check the address and HTTPS_PROXY',
    retryable: false,
  };
}

function systemAuthorities(): string {
  return process.allowedNodeEnvironmentFlags.has('--use-system-ca')
    ? '. If this system trusts it already, set NODE_OPTIONS=--use-system-ca instead'
    : '';
}

/** More often the clock of this machine is wrong than the certificate is out of date. */
function wrongDate(
  host: string,
  code: string,
  proxy: NamedProxy | undefined,
  serverDate: number | undefined,
): Explanation {
  const certificate = `The certificate of ${host} ${code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'}`;
  const now = utc(Date.now());
  if (serverDate === undefined) {
    const whose = proxy ? `the certificate of ${host} or of the proxy ${proxy.host}` : 'the certificate';
    return {
      problem: `${certificate} by this machine's clock, which says ${now} (${code})`,
      remedy: `Check this machine's clock. If the clock is right, ${whose} is out of date: its owner has to renew it`,
      retryable: false,
    };
  }
  if (Math.abs(serverDate - Date.now()) > clockToleranceMs) {
    return {
      problem: `This machine's clock is wrong: it says ${now}, and ${host} says ${utc(serverDate)} (${code})`,
      remedy: "Check this machine's clock and set it, then try again",
      retryable: false,
    };
  }
  const problem = `${certificate} (${code}), and this machine's clock is right`;
  return { problem, remedy: 'Its owner has to renew it', retryable: false };
}

/** 2026-01-31 14:05 UTC */
function utc(timestamp: number): string {
  return `${new Date(timestamp).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function throughProxy(host: string, proxy: NamedProxy, cause: unknown): Explanation {
  const remedy = `Check ${proxy.variable}, or put ${host.replace(/:\d+$/, '')} into NO_PROXY if it can be reached without a proxy`;
  const [, status] = /Proxy response \((\d+)\)/.exec(messagesOf(cause)) ?? [];
  if (status === '407') {
    return {
      problem: `The proxy ${proxy.host} asks for a user name and a password (HTTP 407)`,
      remedy: `Write them into ${proxy.variable}: http://USER:PASSWORD@${proxy.host}`,
      retryable: false,
    };
  }
  if (status !== undefined) {
    const problem = `The proxy ${proxy.host} does not connect to ${host} (HTTP ${status})`;
    return { problem, remedy, retryable: Number(status) >= 500 };
  }
  const route = neverConnected(cause) ? `the proxy ${proxy.host}` : `${host} through the proxy ${proxy.host}`;
  return { problem: `No answer from ${route} (${reasonOf(cause)})`, remedy };
}

function noAnswer(host: string, code: string, cause: unknown): Explanation {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const problem = `No answer from ${host}: its name is not found (${code})`;
    return { problem, remedy: 'Check the network and the name, then try again' };
  }
  const problem = `No answer from ${host} (${reasonOf(cause)})`;
  return { problem, remedy: 'Check the network, HTTPS_PROXY and NO_PROXY, then try again' };
}

/** Its code. If a request was given up, what happened is in undici's message alone. */
function reasonOf(cause: unknown): string {
  const code = codeOf(cause);
  return code === undefined || code === 'UND_ERR_ABORTED' ? messageOf(cause) || 'unknown failure' : code;
}

function messageOf(error: unknown): string {
  const { message } = Object(error) as { message?: unknown };
  return typeof message === 'string' ? message : '';
}

function messagesOf(error: unknown): string {
  return [messageOf(error), ...causesOf(error).map(messagesOf)].join(' ');
}

/** One for each address that was tried, or the cause. */
function causesOf(error: unknown): readonly unknown[] {
  const { errors, cause } = Object(error) as { errors?: readonly unknown[]; cause?: unknown };
  return errors ?? (cause === undefined ? [] : [cause]);
}

/** The code of an error, or of what caused it. */
function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : causesOf(error).slice(0, 1).map(codeOf)[0];
}

/** Decides by the system call that failed: codes like EHOSTUNREACH also come from connections that were made long ago. */
function neverConnected(error: unknown): boolean {
  const { syscall, code } = Object(error) as NodeJS.ErrnoException;
  const causes = causesOf(error);
  if (causes.length > 0) return causes.every(neverConnected);
  return syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT';
}

/** A copy without properties: undici's errors hold sockets and unread parts of a response, which may be tokens. */
function withoutProperties(error: unknown): Error | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const [cause] = causesOf(error).map(withoutProperties);
  const copy = new Error(messageOf(error), cause && { cause });
  copy.name = String((error as Error).name);
  const code = codeOf(error);
  return Object.assign(copy, code !== undefined && { code });
}
