import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';

/** The page that the browser shows in the end. */
export interface Page {
  readonly status: number;
  readonly html: string;
  readonly url: string;
}

/** How long one request may take. */
const requestTimeoutMs = 30_000;

/**
 * A browser in a few lines, which starts at once. It sends the headers of Chromium (`Sec-Fetch-*`; `Origin: null` with a form that goes
 * to another site), keeps cookies and follows redirects. It runs no script and loads no part of a page.
 */
export class ScriptedBrowser {
  readonly #cookies = new Map<string, Map<string, { value: string; path: string }>>();
  readonly #signal: AbortSignal | undefined;
  readonly #ca: string | undefined;
  readonly #reaches: string | undefined;

  /** `reaches`: the only origin that this browser can reach. At any other address it shows a page with status 0 and no text. */
  constructor(
    options: { signal?: AbortSignal | undefined; ca?: string | undefined; reaches?: string | undefined } = {},
  ) {
    this.#signal = options.signal;
    this.#ca = options.ca;
    this.#reaches = options.reaches;
  }

  /** Opens an address, or posts a form to it, and follows redirects. */
  async open(url: string, form?: { fields: URLSearchParams; from: string }): Promise<Page> {
    let next: { url: string; form?: typeof form } = { url, form };
    for (let hops = 0; hops < 20; hops += 1) {
      if (this.#reaches !== undefined && new URL(next.url).origin !== this.#reaches) {
        return { status: 0, html: '', url: next.url };
      }
      const response = await this.#request(new URL(next.url), next.form);
      this.#remember(new URL(next.url), response.headers['set-cookie'] ?? []);
      const { location } = response.headers;
      const status = response.statusCode ?? 0;
      if (location === undefined || status < 300 || status > 399) {
        return { status, html: await textOf(response), url: next.url };
      }
      response.resume();
      next = { url: new URL(location, next.url).href };
    }
    throw new Error(`more than 20 redirects, the last to ${new URL(next.url).origin}`);
  }

  #request(url: URL, form: { fields: URLSearchParams; from: string } | undefined): Promise<IncomingMessage> {
    const body = form?.fields.toString();
    const sameSite = !form || new URL(form.from).origin === url.origin;
    const cookies = [...(this.#cookies.get(url.host) ?? [])]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`);
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: form ? 'POST' : 'GET',
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
      signal: AbortSignal.any([AbortSignal.timeout(requestTimeoutMs), ...(this.#signal ? [this.#signal] : [])]),
      headers: {
        accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
        'accept-language': 'en',
        'user-agent':
          'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
        'sec-fetch-dest': 'document',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': form ? (sameSite ? 'same-origin' : 'cross-site') : 'none',
        'sec-fetch-user': '?1',
        ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
        ...(body !== undefined && {
          origin: sameSite ? url.origin : 'null',
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
        }),
      },
    });
    return new Promise((resolve, reject) => {
      request.on('response', resolve).on('error', reject).end(body);
    });
  }

  #remember(url: URL, headers: string[]): void {
    const jar = this.#cookies.get(url.host) ?? new Map<string, { value: string; path: string }>();
    this.#cookies.set(url.host, jar);
    for (const header of headers) {
      const [pair = '', ...attributes] = header.split(/; */);
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
      const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice(8);
      if (expires !== undefined && Date.parse(expires) < Date.now()) jar.delete(name);
      else jar.set(name, { value, path });
    }
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}
