import { isatty } from 'node:tty';
import { printable } from '../printable.ts';
import { writeOut } from '../streams.ts';
import { UsageError } from '../usage-error.ts';
import { readBody, readText } from './read-body.ts';

/** Prints the status line and the headers, as HTTP/1.1 has them on the wire. */
export function printHead(response: Response): void {
  const { status, statusText, headers } = response;
  const lines = [
    `HTTP/1.1 ${status} ${statusText}`.trimEnd(),
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
  ];
  writeOut(`${lines.join('\n')}\n\n`);
}

/** Prints the body: byte for byte, or on a terminal so that a person can read it. */
export async function printBody(response: Response): Promise<void> {
  const type = response.headers.get('content-type') ?? '';
  if (!isatty(1)) {
    for await (const chunk of readBody(response)) writeOut(chunk);
    return;
  }
  if (/[/+]json\b/i.test(type)) writeOut(readableJson(await readText(response)));
  else if (type === '' || /^text\/|[/+]xml\b/i.test(type)) writeOut(printable(await readText(response)));
  else {
    await response.body?.cancel();
    throw new UsageError(`that is ${printable(type)}, which would garble the terminal; save it with --output FILE`);
  }
}

function readableJson(text: string): string {
  if (text.trim() === '') return '';
  try {
    return `${printable(JSON.stringify(JSON.parse(text), null, 2))}\n`;
  } catch {
    return printable(text);
  }
}
