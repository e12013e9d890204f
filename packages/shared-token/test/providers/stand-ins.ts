import { createServer, type IncomingMessage } from 'node:http';
import { listen, stop } from 'testing-authority/listen';

/** A server that answers as a provider's documentation says. */
export interface StandIn extends AsyncDisposable {
  readonly origin: string;
  /** The form or query of each request, by path. */
  readonly requests: { path: string; accept: string | undefined; form: Record<string, string> }[];
}

interface Answer {
  status?: number;
  body?: object;
  location?: string;
  /** No answer at all. */
  breaks?: boolean;
}

/** Starts a server; `answer` is given the path and the form or query of each request. */
export async function startStandIn(
  answer: (path: string, form: Record<string, string>) => Answer | Promise<Answer>,
): Promise<StandIn> {
  const requests: StandIn['requests'] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const form = Object.fromEntries(
      request.method === 'POST' ? new URLSearchParams(await bodyOf(request)) : searchParams,
    );
    requests.push({ path: pathname, accept: request.headers.accept, form });
    const { status = 200, body, location, breaks } = await answer(pathname, form);
    if (breaks) return void request.socket.destroy();
    response.writeHead(location === undefined ? status : 302, {
      'content-type': 'application/json; charset=utf-8',
      ...(location !== undefined && { location }),
    });
    response.end(JSON.stringify(body));
  });
  return {
    origin: `http://127.0.0.1:${await listen(server)}`,
    requests,
    [Symbol.asyncDispose]: () => stop(server),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  return body;
}
