import { text } from 'node:stream/consumers';
import { GraphError, readBody, refusePage } from 'onedrive-graph';
import { Failure, UsageError } from '../../terminal/failure.ts';
import { writeAnswer } from '../../terminal/printable.ts';
import { isTerminal, sendOut } from '../../terminal/streams.ts';

/**
 * Prints the body; with `include`, first the status and the headers. Throws GraphError if the status is no success, and
 * `GraphError.notGraph` for a page of a captive portal. With `json`, throws a Failure for a body that is not JSON.
 */
export async function printResponse(
  response: Response,
  { include, json, url, signal }: { include: boolean; json: boolean; url: URL; signal: AbortSignal },
): Promise<void> {
  if (response.ok) refusePage(url, response);
  const type = response.headers.get('content-type') ?? '';
  if (response.ok && json && !/[/+]json\b/i.test(type)) {
    // A 202 or 204 has no body.
    for await (const _ of readBody(response, signal)) {
      const remedy = 'Leave out --json (or ONEDRIVE_TOKEN_JSON), or save the response with --output FILE';
      throw new Failure(`the response is not JSON but ${type || 'of no type'}`, { remedy });
    }
    if (include) printHead(response);
    return;
  }
  // Read the error from the original response: a copy does not say whether the request had the token.
  const shown = include && !response.ok ? response.clone() : response;
  const failure = response.ok ? undefined : await GraphError.from(response, signal);
  if (include) printHead(response);
  if (include || response.ok) await printBody(shown, signal);
  if (failure) throw failure;
}

function printHead({ status, statusText, headers }: Response): void {
  const lines = [
    `HTTP/1.1 ${status} ${statusText}`.trimEnd(),
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
  ];
  writeAnswer(`${lines.join('\n')}\n\n`);
}

/** Prints the body byte for byte, or on a terminal as readable text. */
async function printBody(response: Response, signal: AbortSignal): Promise<void> {
  const type = response.headers.get('content-type') ?? '';
  if (!isTerminal(1)) {
    for await (const chunk of readBody(response, signal)) if (!(await sendOut(chunk))) return;
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
