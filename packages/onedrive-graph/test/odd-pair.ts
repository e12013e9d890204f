import { GraphClient, type GraphClientOptions, type GraphWait } from '../src/index.ts';
import { type OddGraph, type OddRequest, openOddGraph } from './odd-graph.ts';

export type Answer = Parameters<typeof openOddGraph>[0];

interface Pair extends AsyncDisposable {
  readonly client: GraphClient;
  readonly graph: OddGraph;
  readonly waits: GraphWait[];
  /** How many attempts had failed at each wait. */
  attempts(): number[];
  /** The methods of the requests. */
  methods(): string[];
}

/** A client of a server that gives the answers one after the other, the last one again and again. */
export async function openPair(given: Answer | Answer[], options: Partial<GraphClientOptions> = {}): Promise<Pair> {
  const answers = [given].flat();
  const graph = await openOddGraph((...args) => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(...args);
  });
  const waits: GraphWait[] = [];
  const client = new GraphClient({
    root: graph.origin,
    getToken: async ({ forceRefresh }) => (forceRefresh ? 'new' : 'old'),
    onWait: (wait) => waits.push(wait),
    ...options,
  });
  const attempts = (): number[] => waits.map(({ attempt }) => attempt);
  const methods = (): string[] => graph.requests.map(({ method }) => method);
  return { client, graph, waits, attempts, methods, [Symbol.asyncDispose]: () => graph[Symbol.asyncDispose]() };
}

/** A `fetch`, and whether the bodies of its responses, or of those with a status, were read or given back. */
export function watchBodies() {
  const responses: Response[] = [];
  const fetch = async (url: URL, init: RequestInit): Promise<Response> => {
    const response = await globalThis.fetch(url, init);
    responses.push(response);
    return response;
  };
  const used = (status?: number): boolean[] =>
    responses.filter((each) => each.status === (status ?? each.status)).map(({ bodyUsed }) => bodyUsed);
  return { fetch, used };
}

/** Gives an upload its address, on Graph's own origin, and answers there as a test wants. */
export function uploadTo(answer: Answer): Answer {
  return (request, response, graph) => {
    if (!request.path.endsWith('/createUploadSession')) return answer(request, response, graph);
    const session = { uploadUrl: `${graph.origin}/upload`, expirationDateTime: '2999-01-01' };
    return void response.end(JSON.stringify(session));
  };
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(code, headers).end(`status ${code}`);
}

export const redirect = (code: number, to: (graph: OddGraph) => string): Answer => {
  return (_request, response, graph) => response.writeHead(code, { location: to(graph) }).end();
};

export function summary({ method, headers, authorization, body }: OddRequest): string {
  return [method, headers.host?.split(':')[0], authorization?.replace('Bearer ', '') ?? 'no token', body].join(' ');
}
