import { createServer, type IncomingMessage, type Server } from 'node:http';
import { OneDriveTokenError } from 'onedrive-token-handler';
import type { Command } from '../../settings/command.ts';
import { describeError } from '../../settings/describe-error.ts';
import { exitStatus, joinProblem } from '../../terminal/failure.ts';
import { printable } from '../../terminal/printable.ts';
import type { TokenDesk, TokenRequest } from './token-desk.ts';

/** A client sends its request, which is one short packet, in less time than this, or loses its connection. */
const requestTimeoutMs = 10_000;
const keepAliveMs = 5000;
/** When a client should come back if the provider does not say. */
const defaultRetryAfterMs = 10_000;

/** The client asks for something that there is not. The message says what was expected and what came. */
class BadRequest extends Error {}

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Record<string, string>;
  /** What a person has to know of it. */
  readonly problem?: string;
}

/** An HTTP server, not yet listening, that gives out the tokens of `desk`. */
export function createTokenServer(desk: TokenDesk, command: Command): Server {
  const { settings, screen } = command;
  const options = {
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: 1000,
  };
  /** The status that the person was told of, as long as it lasts: not a line for each of a thousand clients. */
  let told: number | undefined;
  return createServer(options, async (request, response) => {
    const answer = await answerTo(request, desk).catch((error) => answerToError(error, command));
    const { status, body, headers, problem } = answer;
    if (problem !== undefined && status !== told) screen.say(printable(`onedrive-token: ${problem}`));
    if (problem !== undefined || 'token' in body) told = problem === undefined ? undefined : status;
    if (settings.verbose) screen.say(printable(`${request.method} ${request.url} ${status}`));
    const content = `${JSON.stringify(body)}\n`;
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(content),
      'Cache-Control': 'no-store',
      // What a client sends besides its question is not read.
      ...(request.method !== 'GET' && { Connection: 'close' }),
      ...headers,
    });
    response.end(content);
  });
}

/** Throws BadRequest and OneDriveTokenError. */
async function answerTo({ method, url, headers }: IncomingMessage, desk: TokenDesk): Promise<Answer> {
  checkHost(headers.host);
  const asked = URL.parse(url ?? '', 'http://localhost');
  if (!asked) throw new BadRequest(`expected a path like /token, got '${url}'`);
  const { pathname, searchParams } = asked;
  if (pathname !== '/token' && pathname !== '/status') return { status: 404, body: { error: 'not_found' } };
  if (method !== 'GET') return { status: 405, body: { error: 'method_not_allowed' }, headers: { Allow: 'GET' } };
  if (pathname === '/status') return { status: 200, body: await desk.status() };
  const { accessToken: token, expiresAt } = await desk.getToken(readTokenRequest(searchParams));
  return { status: 200, body: { token, expiresAt } };
}

/**
 * Throws BadRequest for the name of a host in the internet: then a web page has made a browser ask, through a network port that
 * forwards to the socket. Clients of a socket choose any name without a dot.
 */
function checkHost(host: string | undefined): void {
  const name = (host ?? '').replace(/:\d*$/, '').toLowerCase();
  const isLocal = !name.includes('.') || name.endsWith('.localhost') || name === '127.0.0.1' || name.startsWith('[');
  if (!isLocal) throw new BadRequest(`Host: expected localhost, got '${name}'`);
}

/** What a client wants of its token. Throws BadRequest. */
function readTokenRequest(query: URLSearchParams): TokenRequest {
  for (const name of query.keys()) {
    if (name !== 'min_valid' && name !== 'refresh')
      throw new BadRequest(`expected min_valid or refresh, got '${name}'`);
    if (query.getAll(name).length > 1) throw new BadRequest(`${name}: expected once`);
  }
  const seconds = query.get('min_valid') ?? '0';
  if (!/^\d{1,12}(\.\d{1,12})?$/.test(seconds))
    throw new BadRequest(`min_valid: expected a number of seconds, got '${seconds}'`);
  const refresh = query.get('refresh') ?? '0';
  if (refresh !== '0' && refresh !== '1') throw new BadRequest(`refresh: expected 1 or 0, got '${refresh}'`);
  return { minValid: Number(seconds) * 1000, refresh: refresh === '1' };
}

function answerToError(error: unknown, command: Command): Answer {
  if (error instanceof BadRequest) return { status: 400, body: { error: 'bad_request', message: error.message } };
  const { code, retryable, retryAfter = defaultRetryAfterMs } = error as Partial<OneDriveTokenError>;
  const again = { 'Retry-After': String(Math.ceil(retryAfter / 1000)) };
  if (error instanceof OneDriveTokenError && code === 'CLOSED')
    return { status: 503, body: { error: 'unavailable', message: 'the server is ending' }, headers: again };
  const described = describeError(error, command);
  const problem = joinProblem(described);
  if (described.status === exitStatus.signInNeeded)
    return { status: 401, body: { error: 'sign_in_required' }, problem };
  return retryable || described.status === exitStatus.unavailable
    ? { status: 503, body: { error: 'unavailable', message: problem }, headers: again, problem }
    : { status: 500, body: { error: 'failed', message: problem }, problem };
}
