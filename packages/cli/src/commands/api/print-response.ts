import { text } from 'node:stream/consumers';
import { GraphError, readBody, refusePage } from 'onedrive-graph';
import { UsageError } from '../../terminal/failure.ts';
import { writeAnswer } from '../../terminal/printable.ts';
import { isTerminal, writeOut } from '../../terminal/streams.ts';

/**
 * Prints the body, with `include` the status and the headers before it. Throws GraphError if the status is no success, and
 * notGraph for a page of a captive portal; with `json` for a body that is not JSON.
 */
export async function printResponse(
  response: Response,
  { include, json, url, signal }: { include: boolean; json: boolean; url: URL; signal: AbortSignal },
): Promise<void> {
  if (response.ok) refusePage(url, response);
  if (response.ok && json && !/[/+]json\b/i.test(response.headers.get('content-type') ?? '')) {
    // A 202 or 204 has no body.
    for await (const _ of readBody(response, signal)) throw GraphError.notGraph(response);
    if (include) printHead(response);
    return;
  }
  // The error is read from the response itself: of a copy, it is not known whether the request had the token.
  const shown = include && !response.ok ? response.clone() : response;
  const failure = response.ok ? undefined : await GraphError.from(response, signal);
  if (include) printHead(response);
  if (include || response.ok) await printBody(shown, signal);
  if (failure) throw failure;
}

/** The status line and the headers, as HTTP/1.1 has them on the wire. */
function printHead({ status, statusText, headers }: Response): void {
  const lines = [
    `HTTP/1.1 ${status} ${statusText}`.trimEnd(),
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
  ];
  writeAnswer(`${lines.join('\n')}\n\n`);
}

/** Byte for byte, or on a terminal so that a person can read it. */
async function printBody(response: Response, signal: AbortSignal): Promise<void> {
  const type = response.headers.get('content-type') ?? '';
  if (!isTerminal(1)) {
    for await (const chunk of readBody(response, signal)) if (!writeOut(chunk)) return;
  } else if (/^$|^text\/|[/+](json|xml)\b/i.test(type)) {
    writeAnswer(readable(await text(readBody(response, signal))));
  } else {
    await response.body?.cancel();
    throw new UsageError(`the response is ${type}, which would garble the terminal`, {
      remedy: 'Save it with --output FILE',
    });
  }
}

function readable(content: string): string {
  try {
    return `${JSON.stringify(JSON.parse(content), null, 2)}\n`;
  } catch {
    return content;
  }
}
