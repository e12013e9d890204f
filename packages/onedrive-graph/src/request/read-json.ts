import { GraphError } from './graph-error.ts';
import { keepSource, sourceOf } from './idle-limit.ts';
import { readText } from './read-body.ts';

/** What the JSON of a response says; undefined if its body is empty. Throws as `readBody`, and notGraph if it is not JSON. */
export async function readJson(response: Response, signal?: AbortSignal): Promise<unknown> {
  const content = await readText(response, signal);
  if (content === '') return undefined;
  try {
    return JSON.parse(content);
  } catch {
    // The cause would quote the answer.
    throw GraphError.notGraph(response);
  }
}

/** As `readJson`, and the body can be read again. */
export function peekJson(response: Response, signal?: AbortSignal): Promise<unknown> {
  return readJson(keepSource(response.clone(), sourceOf(response)), signal);
}

/**
 * Refuses a page of HTML where Graph has none: only the content of a file, and a `$value`, can be one. Anywhere else it comes
 * from a captive portal or a proxy that blocks.
 *
 * @throws {GraphError} notGraph
 */
export function refusePage({ pathname }: URL, response: Response): void {
  if (isPage(response.headers.get('content-type')) && !/\/(content|\$value)$/.test(pathname)) {
    throw GraphError.notGraph(response);
  }
}

/** Whether a media type is that of a page for a browser. */
export function isPage(type: unknown): boolean {
  return /^(text\/html|application\/xhtml\+xml)\b/i.test(String(type));
}
