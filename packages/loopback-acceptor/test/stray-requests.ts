import type { AcceptorOptions } from '../src/index.ts';
import type { RequestOptions } from './send-request.ts';

/** Part of every stray request, so that a response that repeats some of the request is noticed. */
export const mark = 'REFLECTED';
/** The parameters of a right answer. */
export const answer = `code=${mark}&state=right`;
export const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** A request that is not the answer, and the status of its refusal. */
export type Stray = { name: string; status: number; options?: Partial<AcceptorOptions> } & (
  | { target: string; request?: RequestOptions }
  | { bytes: (host: string) => string }
);

const post = (body: string, headers: RequestOptions['headers'] = {}): RequestOptions => ({
  method: 'POST',
  body,
  headers: { 'content-length': Buffer.byteLength(body), ...headers },
});

const get =
  (target: string): ((host: string) => string) =>
  (host) =>
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

/** Every way in which a request is not the answer. Of parameters only one way of each kind: redirect-url.test.ts has the others. */
export const strays: Stray[] = [
  { name: 'a favicon', status: 404, target: '/favicon.ico' },
  { name: 'robots.txt', status: 404, target: `/robots.txt?${mark}` },
  { name: 'HEAD', status: 405, target: `/?${answer}`, request: { method: 'HEAD' } },
  { name: 'PUT', status: 405, target: `/?${answer}`, request: { method: 'PUT' } },
  { name: 'another path', status: 404, target: `/${mark}?${answer}` },
  {
    name: 'the path with a slash at its end',
    status: 404,
    target: `/callback/?${answer}`,
    options: { path: '/callback' },
  },
  { name: 'the path in another case', status: 404, target: `/Callback?${answer}`, options: { path: '/callback' } },
  { name: 'the path percent-encoded', status: 404, target: `/%63allback?${answer}`, options: { path: '/callback' } },
  { name: 'dot segments', status: 404, bytes: get(`/x/../callback?${answer}`), options: { path: '/callback' } },
  { name: 'two slashes', status: 404, bytes: get(`//?${answer}`) },
  {
    name: 'an absolute-form target',
    status: 400,
    bytes: (host) => `GET http://${host}/?${answer} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  },
  {
    name: 'a fragment in the target, after the right state',
    status: 400,
    bytes: get(`/?state=right&code=${mark}#${mark}`),
  },
  { name: 'another Host', status: 421, target: `/?${answer}`, request: { headers: { host: 'attacker.example' } } },
  {
    name: 'the Host without its port',
    status: 421,
    target: `/?${answer}`,
    request: { headers: { host: 'localhost' } },
  },
  {
    name: 'the address as Host if the name is expected',
    status: 421,
    bytes: (host) => `GET /?${answer} HTTP/1.1\r\nHost: ${host.replace('localhost', '127.0.0.1')}\r\n\r\n`,
  },
  ...[
    ['in another case', (host: string) => host.toUpperCase()],
    ['with a dot after its name', (host: string) => host.replace(':', '.:')],
    ['with a zero before its port', (host: string) => host.replace(':', ':0')],
    ['with a user before it', (host: string) => `${mark}@${host}`],
  ].map(([name, change]) => ({
    name: `the Host ${name}`,
    status: 421,
    bytes: (host: string) => `GET /?${answer} HTTP/1.1\r\nHost: ${(change as (host: string) => string)(host)}\r\n\r\n`,
  })),
  { name: 'no Host', status: 400, bytes: () => `GET /?${answer} HTTP/1.1\r\n\r\n` },
  { name: 'HTTP/1.0 without Host', status: 400, bytes: () => `GET /?${answer} HTTP/1.0\r\n\r\n` },
  {
    name: 'two Hosts',
    status: 400,
    bytes: (host) => `GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\n\r\n`,
  },
  { name: 'a wrong state', status: 400, target: `/?code=${mark}&state=wrong` },
  { name: 'the state twice', status: 400, target: `/?${answer}&state=right` },
  { name: 'the state after a second question mark', status: 400, target: `/??state=right&code=${mark}` },
  { name: 'any other parameter twice', status: 400, target: `/?${answer}&x=1&x=1` },
  { name: 'code and error together', status: 400, target: `/?${answer}&error=access_denied` },
  { name: 'an error without state', status: 400, target: `/?error=access_denied&error_description=${mark}` },
  { name: 'a GET without query', status: 400, target: '/' },
  { name: 'a GET with an empty query', status: 400, bytes: get('/?') },
  {
    name: 'a GET with a body',
    status: 400,
    target: `/?${answer}`,
    request: { method: 'GET', body: mark, headers: { 'content-length': mark.length } },
  },
  {
    name: 'a GET with a chunked body',
    status: 400,
    target: `/?${answer}`,
    request: { method: 'GET', body: mark, headers: { 'transfer-encoding': 'chunked' } },
  },
  { name: 'no iss if an issuer is expected', status: 400, target: `/?${answer}`, options: { issuer: 'https://a' } },
  {
    name: 'a POST of JSON',
    status: 415,
    target: '/',
    request: post(`{"code":"${mark}","state":"right"}`, { 'content-type': 'application/json' }),
  },
  {
    name: 'a POST of multipart',
    status: 415,
    target: '/',
    request: post(`--b\r\n${mark}\r\n--b--`, { 'content-type': 'multipart/form-data; boundary=b' }),
  },
  { name: 'a POST without content type', status: 415, target: '/', request: post(answer) },
  {
    name: 'a POST that is compressed',
    status: 415,
    target: '/',
    request: post(answer, { ...form, 'content-encoding': 'gzip' }),
  },
  {
    name: 'a POST one byte too large',
    status: 413,
    target: '/',
    request: post(`${answer}&x=${'x'.repeat(65_536 - answer.length - 2)}`, form),
  },
  { name: 'a POST of 4 MB', status: 413, target: '/', request: post(`${answer}&x=${'x'.repeat(4_000_000)}`, form) },
  {
    name: 'a POST without length',
    status: 411,
    target: '/',
    request: { method: 'POST', body: answer, headers: { ...form, 'transfer-encoding': 'chunked' } },
  },
  {
    name: 'a POST with neither length nor body',
    status: 411,
    bytes: (host) => `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${form['content-type']}\r\n\r\n`,
  },
  ...['-1', `+${answer.length}`, `${answer.length}.0`, `0x${answer.length.toString(16)}`, '20, 20', ''].map(
    (length) => ({
      name: `a POST of the length ${JSON.stringify(length)}`,
      status: 400,
      bytes: (host: string) =>
        `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${form['content-type']}\r\nContent-Length: ${length}\r\n\r\n${answer}`,
    }),
  ),
  { name: 'a POST with a byte order mark', status: 400, target: '/', request: post(`\ufeffcode=a&state=right`, form) },
  { name: 'an empty POST', status: 400, target: '/', request: post('', form) },
  {
    name: 'a POST with the parameters in the query instead',
    status: 400,
    target: `/?${answer}`,
    request: post('', form),
  },
  {
    name: 'a POST with an empty query as well',
    status: 400,
    bytes: (host) =>
      `POST /? HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${form['content-type']}\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`,
  },
  { name: 'a POST with a query as well', status: 400, target: '/?x=1', request: post(answer, form) },
  { name: 'a POST with a wrong state', status: 400, target: '/', request: post(`code=${mark}&state=wrong`, form) },
  { name: 'a POST with a duplicate', status: 400, target: '/', request: post(`${answer}&code=2`, form) },
  ...['image', 'iframe', 'empty', 'script', 'Document', ''].map((dest) => ({
    name: `Sec-Fetch-Dest: ${dest || '(empty)'}`,
    status: 403,
    target: `/?${answer}`,
    request: { headers: { 'sec-fetch-dest': dest } },
  })),
  ...['websocket', 'h2c, WebSocket'].map((upgrade) => ({
    name: `an upgrade to ${upgrade} of a page in Chromium, which sends no Sec-Fetch-Dest with it`,
    status: 403,
    target: `/?${answer}`,
    request: {
      headers: {
        connection: 'Upgrade',
        upgrade,
        origin: 'https://attacker.example',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    },
  })),
  {
    name: 'Sec-Fetch-Dest twice',
    status: 403,
    bytes: (host) =>
      `GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Dest: image\r\n\r\n`,
  },
  { name: 'a CONNECT', status: 405, bytes: (host) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n` },
  { name: 'the preface of HTTP/2', status: 400, bytes: () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { name: 'HTTP/0.9', status: 400, bytes: () => `GET /?${answer}\r\n\r\n` },
  { name: 'the greeting of TLS', status: 400, bytes: () => '\u0016\u0003\u0001\u0000\u0045\u0001\u0000' },
  { name: 'bytes that are not HTTP', status: 400, bytes: () => `\u0016\u0003\u0001${mark}\r\n\r\n` },
  ...[
    `${mark} x: 1`,
    `${mark} : 1`,
    `: ${mark}`,
    mark,
    ` ${mark}: 1`,
    `X: \u0001${mark}`,
    `X: \r${mark}`,
    `X: \n${mark}: 1`,
  ].map((line) => ({
    name: `the header line ${JSON.stringify(line)}`,
    status: 400,
    bytes: (host: string) => `GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\n${line}\r\n\r\n`,
  })),
  {
    name: 'lines that end with bare line feeds',
    status: 400,
    bytes: (host) => `GET /?${answer} HTTP/1.1\r\nHost: ${host}\nX: ${mark}\n\n\r\n\r\n`,
  },
  { name: 'the greeting of another protocol', status: 400, bytes: () => `SSH-2.0-${mark}\r\n\r\n` },
  {
    name: 'a length and chunks at once',
    status: 400,
    bytes: (host) =>
      `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    name: 'a head of 100 kB that does not end',
    status: 431,
    bytes: (host) => `GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(100_000)}`,
  },
];
