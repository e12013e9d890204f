/** The part of a request before its body, RFC 9112 sections 2 to 5. */
export interface RequestHead {
  method: string;
  /** As it was sent. */
  target: string;
  version: '1.0' | '1.1';
  /** By lower-case name. If a name comes twice, its values are joined by a comma (RFC 9110 section 5.3). */
  headers: ReadonlyMap<string, string>;
}

const requestLine = /^([A-Z]{1,20}) ([!-~]+) HTTP\/(1\.[01])$/;
/** The beginning of a request line. */
const requestLineBegun = /^[A-Z]{1,20}(?: [!-~]*(?: [HTP/1.0]{0,8})?)?\r?$/;
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Parses a head, given without the empty line that ends it. Returns undefined for anything that browsers do not send: folded
 * lines, bare line feeds, spaces around names, other versions.
 */
export function parseHead(head: string): RequestHead | undefined {
  const [first = '', ...lines] = head.split('\r\n');
  const [, method, target, version] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined || version === undefined) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = trim(line.slice(colon + 1));
    if (colon === -1 || !headerName.test(name) || !headerValue.test(value)) return undefined;
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { method, target, version: version as '1.0' | '1.1', headers };
}

/** Whether a text can be the beginning of a head. If not, there is no need to wait for the rest. */
export function mayBecomeHead(begun: string): boolean {
  const end = begun.indexOf('\r\n');
  const line = end === -1 ? requestLineBegun.test(begun) : requestLine.test(begun.slice(0, end));
  return line && !/[^\r]\n/.test(begun);
}

/** Removes only spaces and tabs. `String.trim` removes more, and a regular expression is slower. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
