import { readFile } from 'node:fs/promises';
import { readVersion } from '../../settings/version.ts';
import { fileFailure, UsageError } from '../../terminal/failure.ts';
import { writeErr } from '../../terminal/streams.ts';

export interface RequestOptions {
  method?: string;
  data?: string;
  header?: readonly string[];
}

/** What is to be sent. */
export interface ApiRequest {
  url: URL;
  method: string;
  headers: Headers;
  body?: Uint8Array<ArrayBuffer>;
}

/** The request that the options of `api` describe. Throws UsageError, or Failure if a file cannot be read. */
export async function readRequest(url: URL, { method: given, data, header = [] }: RequestOptions): Promise<ApiRequest> {
  const method = given?.toUpperCase() ?? (data === undefined ? 'GET' : 'POST');
  if (!/^[A-Z]+$/.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(method))
    throw new UsageError(`--method: expected GET, POST, PATCH, PUT, DELETE or the like, got '${given}'`);
  if (data !== undefined && (method === 'GET' || method === 'HEAD'))
    throw new UsageError(`--data: a ${method} request has no body; use another --method`);
  const headers = readHeaders(header);
  if (data === undefined) return { method, url, headers };
  const body = await readBody(data);
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  if (/[/+]json\b/i.test(headers.get('content-type') ?? '')) checkJson(body);
  return { method, url, headers, body };
}

function readHeaders(lines: readonly string[]): Headers {
  const headers = new Headers({ accept: '*/*', 'user-agent': `onedrive-token/${readVersion()}` });
  const given = new Set<string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`--header: expected 'Name: value', got '${line}'`);
    if (name.toLowerCase() === 'authorization')
      throw new UsageError('--header: Authorization is set for you; other users can read a command line');
    try {
      if (given.has(name.toLowerCase())) headers.append(name, value);
      else headers.set(name, value);
    } catch {
      throw new UsageError(`--header: the value of ${name} has a character that no header may have`);
    }
    given.add(name.toLowerCase());
  }
  return headers;
}

async function readBody(data: string): Promise<Uint8Array<ArrayBuffer>> {
  if (data === '-' || data === '@-') return readStdin();
  if (!data.startsWith('@')) return new TextEncoder().encode(data);
  const file = data.slice(1);
  return new Uint8Array(
    await readFile(file).catch((error) => {
      throw fileFailure('read', file, error);
    }),
  );
}

async function readStdin(): Promise<Uint8Array<ArrayBuffer>> {
  if (process.stdin.isTTY) writeErr('Type the body, or paste it; Ctrl-D on a line of its own ends it.\n');
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

function checkJson(body: Uint8Array): void {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    // V8's message quotes the body, which may hold a secret: only the place is shown.
    const place = /line \d+ column \d+/.exec((error as Error).message)?.[0];
    throw new UsageError(
      `--data: this is not JSON${place ? ` (${place})` : ''}; for something else say --header 'Content-Type: ...'`,
    );
  }
}
