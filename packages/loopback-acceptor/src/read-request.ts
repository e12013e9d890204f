import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuthorizationError } from './authorization-error.ts';
import { type AuthorizationResponse, type Expectation, readAnswer } from './read-answer.ts';
import { readBody } from './read-body.ts';
import type { Refusal } from './refusal.ts';
import { refuseHead, splitTarget, type Target } from './refuse-head.ts';

/** Whether a request is the answer: the code, the provider's error, or what to refuse the request with. */
export async function readRequest(
  request: IncomingMessage,
  response: ServerResponse,
  expected: Expectation & Target,
): Promise<AuthorizationResponse | AuthorizationError | Refusal> {
  const refusal = refuseHead(request, expected);
  if (refusal) return refusal;
  if (request.method === 'GET') return readAnswer(splitTarget(request.url ?? '').query ?? '', expected);
  const body = await readBody(request, response);
  return body === undefined ? { status: 408, reason: 'The body did not arrive in time.' } : readAnswer(body, expected);
}
