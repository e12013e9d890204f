import { randomUUID } from 'node:crypto';

interface Reply {
  status: number;
  body: unknown;
  get(header: string): string;
  set(header: string, value: string): void;
}

/** Graph's code and message for a status, if the caller of `answerGraphError` names none. */
const codes: Record<number, [code: string, message: string]> = {
  400: ['invalidRequest', 'Invalid request'],
  401: ['InvalidAuthenticationToken', 'Access token has expired or is not yet valid.'],
  403: ['accessDenied', 'Access denied'],
  404: ['itemNotFound', 'The resource could not be found.'],
  409: ['nameAlreadyExists', 'An item with the same name already exists under the parent'],
  416: ['invalidRange', 'The uploaded fragment has a range that does not fit'],
  429: ['activityLimitReached', 'The request has been throttled'],
  503: ['serviceNotAvailable', 'The service is temporarily unavailable. Try again later.'],
};

/** Answers with an error in Graph's JSON. https://learn.microsoft.com/graph/errors */
export function answerGraphError(ctx: Reply, status: number, error: { code?: string; message?: string } = {}): void {
  const [code, message] = codes[status] ?? ['generalException', 'General exception while processing'];
  const requestId = randomUUID();
  const clientRequestId = ctx.get('client-request-id');
  ctx.status = status;
  ctx.set('request-id', requestId);
  ctx.body = {
    error: {
      code,
      message,
      ...error,
      innerError: {
        date: new Date().toISOString().slice(0, 19),
        'request-id': requestId,
        'client-request-id': clientRequestId || requestId,
      },
    },
  };
}
