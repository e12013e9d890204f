/** The part of a request before its body, RFC 9112 sections 2 to 5. */
export interface RequestHead {
  method: string;
  /** As it was sent. */
  target: string;
  /** By lower-case name. If a name comes twice, its values are joined by a comma (RFC 9110 section 5.3). */
  headers: ReadonlyMap<string, string>;
}

const requestLine = /^([A-Z]{1,20}) ([!-~]+) HTTP\/1\.[01]$/;
/** A name and a value, which is words of visible characters with spaces or tabs between them. */
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*((?:[!-~\x80-\xff]+(?:[\t ]+[!-~\x80-\xff]+)*)?)[\t ]*$/;

/**
 * Parses a head, given without the empty line that ends it. Returns undefined for anything that browsers do not send: folded
 * lines, bare line feeds, spaces around names, other versions.
 */
export function parseHead(head: string): RequestHead | undefined {
  const [first = '', ...lines] = head.split('\r\n');
  const [, method, target] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value] = headerLine.exec(line) ?? [];
    if (value === undefined) return undefined;
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return { method, target, headers };
}
