import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Acceptor, type AcceptorOptions, openAcceptor } from '../src/index.ts';
import { exchangeBytes, postForm, type RequestOptions, sendRequest } from './send-request.ts';
import { rejection, within } from './within.ts';

/** In every stray request below, so that a response that repeats any of it is found out. */
const mark = 'REFLECTED';
const answer = `code=${mark}&state=right`;
const form = { 'content-type': 'application/x-www-form-urlencoded' };

type Stray = { name: string; status: number; options?: Partial<AcceptorOptions> } & (
  | { target: string; request?: RequestOptions }
  | { bytes: (host: string) => string }
);

const post = (body: string, headers: RequestOptions['headers'] = {}): RequestOptions => ({
  method: 'POST',
  body,
  headers: { 'content-length': Buffer.byteLength(body), ...headers },
});

const strays: Stray[] = [
  { name: 'a favicon', status: 404, target: '/favicon.ico' },
  { name: 'robots.txt', status: 404, target: `/robots.txt?${mark}` },
  { name: 'HEAD', status: 405, target: `/?${answer}`, request: { method: 'HEAD' } },
  { name: 'PUT', status: 405, target: `/?${answer}`, request: { method: 'PUT' } },
  { name: 'DELETE', status: 405, target: `/?${answer}`, request: { method: 'DELETE' } },
  { name: 'another path', status: 404, target: `/${mark}?${answer}` },
  {
    name: 'the path with a slash behind',
    status: 404,
    target: `/callback/?${answer}`,
    options: { path: '/callback' },
  },
  { name: 'the path in another case', status: 404, target: `/Callback?${answer}`, options: { path: '/callback' } },
  {
    name: 'the path percent-encoded',
    status: 404,
    target: `/%63allback?${answer}`,
    options: { path: '/callback' },
  },
  {
    name: 'dot segments',
    status: 404,
    bytes: (host) => `GET /x/../callback?${answer} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    options: { path: '/callback' },
  },
  {
    name: 'two slashes',
    status: 404,
    bytes: (host) => `GET //?${answer} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  },
  {
    name: 'an absolute-form target',
    status: 400,
    bytes: (host) => `GET http://${host}/?${answer} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  },
  {
    name: 'a fragment in the target, behind the right state',
    status: 400,
    bytes: (host) => `GET /?state=right&code=${mark}#${mark} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  },
  { name: 'another Host', status: 421, target: `/?${answer}`, request: { headers: { host: 'attacker.example' } } },
  {
    name: 'the Host without its port',
    status: 421,
    target: `/?${answer}`,
    request: { headers: { host: 'localhost' } },
  },
  {
    name: 'the address as Host where the name is expected',
    status: 421,
    bytes: (host) => `GET /?${answer} HTTP/1.1\r\nHost: ${host.replace('localhost', '127.0.0.1')}\r\n\r\n`,
  },
  ...[
    ['in another case', (host: string) => host.toUpperCase()],
    ['with a dot behind its name', (host: string) => host.replace(':', '.:')],
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
  { name: 'no state', status: 400, target: `/?code=${mark}` },
  { name: 'an empty state', status: 400, target: `/?code=${mark}&state=` },
  { name: 'a wrong state', status: 400, target: `/?code=${mark}&state=wrong` },
  { name: 'a state that is the right one and more', status: 400, target: `/?code=${mark}&state=rightly` },
  { name: 'the state twice', status: 400, target: `/?${answer}&state=right` },
  { name: 'the state behind a second question mark', status: 400, target: `/??state=right&code=${mark}` },
  { name: 'the code twice', status: 400, target: `/?${answer}&code=2` },
  { name: 'any other parameter twice', status: 400, target: `/?${answer}&x=1&x=1` },
  { name: 'the error twice', status: 400, target: `/?error=${mark}&error=b&state=right` },
  { name: 'code and error together', status: 400, target: `/?${answer}&error=access_denied` },
  { name: 'neither code nor error', status: 400, target: '/?state=right' },
  { name: 'an empty code', status: 400, target: '/?code=&state=right' },
  { name: 'an empty error', status: 400, target: '/?error=&state=right' },
  { name: 'an error without state', status: 400, target: `/?error=access_denied&error_description=${mark}` },
  { name: 'an error with a wrong state', status: 400, target: `/?error=access_denied&state=${mark}` },
  { name: 'a GET without query', status: 400, target: '/' },
  { name: 'a GET with an empty query', status: 400, bytes: (host) => `GET /? HTTP/1.1\r\nHost: ${host}\r\n\r\n` },
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
  { name: 'no iss where an issuer is expected', status: 400, target: `/?${answer}`, options: { issuer: 'https://a' } },
  {
    name: 'a wrong iss where an issuer is expected',
    status: 400,
    target: `/?${answer}&iss=https%3A%2F%2Fa%2F`,
    options: { issuer: 'https://a' },
  },
  {
    name: 'an error without iss where an issuer is expected',
    status: 400,
    target: `/?error=${mark}&state=right`,
    options: { issuer: 'https://a' },
  },
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
  {
    name: 'a POST of 4 MB',
    status: 413,
    target: '/',
    request: post(`${answer}&x=${'x'.repeat(4_000_000)}`, form),
  },
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
  {
    name: 'Sec-Fetch-Dest twice',
    status: 403,
    bytes: (host) =>
      `GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Dest: image\r\n\r\n`,
  },
  {
    name: 'an expectation of something else',
    status: 417,
    target: `/?${answer}`,
    request: { headers: { expect: mark } },
  },
  {
    name: 'a CONNECT',
    status: 400,
    bytes: (host) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  },
  { name: 'the preface of HTTP/2', status: 400, bytes: () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { name: 'HTTP/0.9', status: 400, bytes: () => `GET /?${answer}\r\n\r\n` },
  { name: 'the greeting of TLS', status: 400, bytes: () => '\u0016\u0003\u0001\u0000\u0045\u0001\u0000' },
  { name: 'what is no HTTP', status: 400, bytes: () => `\u0016\u0003\u0001${mark}\r\n\r\n` },
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
    name: 'what ends its lines with bare line feeds',
    status: 400,
    bytes: (host) => `GET /?${answer} HTTP/1.1\r\nHost: ${host}\nX: ${mark}\n\n`,
  },
  { name: 'the greeting of another protocol', status: 400, bytes: () => `SSH-2.0-${mark}\r\n` },
  {
    name: 'a length and chunks at once',
    status: 400,
    bytes: (host) =>
      `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    name: 'a head of 100 kB',
    status: 431,
    bytes: (host) => `GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
  },
];

for (const stray of strays) {
  test(`${stray.name} is refused with ${stray.status}, repeats nothing and leaves the wait going on`, async () => {
    await using acceptor = await openAcceptor({ state: 'right', ...stray.options });
    const accepted = acceptor.accept();
    const text = await send(acceptor, stray);
    assert.is(text.status, stray.status);
    assert.not.match(text.all, mark);
    assert.is(await isAnswered(acceptor, stray, accepted), 'the-code');
  });

  test(`${stray.name} ends the wait where the first request has to be the answer`, async () => {
    await using acceptor = await openAcceptor({ state: 'right', ...stray.options, maxStrayRequests: 0 });
    const rejected = rejection(acceptor.accept());
    assert.is((await send(acceptor, stray)).status, stray.status);
    const error = await rejected;
    assert.is(error.code, 'ACCEPTOR_STRAY_REQUEST');
    assert.not.match(error.message, mark);
  });
}

async function send(acceptor: Acceptor, stray: Stray): Promise<{ status: number; all: string }> {
  if ('bytes' in stray) {
    const all = await exchangeBytes(acceptor.port, stray.bytes(new URL(acceptor.redirectUri).host));
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(all)?.[1]), all };
  }
  const { origin } = new URL(acceptor.redirectUri);
  const { status, headers, text } = await sendRequest(origin + stray.target, stray.request);
  return { status, all: JSON.stringify(headers) + text };
}

async function isAnswered(
  acceptor: Acceptor,
  { options }: Stray,
  accepted: Promise<{ code: string }>,
): Promise<string> {
  const iss: Record<string, string> = options?.issuer ? { iss: options.issuer } : {};
  await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right', ...iss });
  return (await within(2_000, 'the answer', accepted)).code;
}

test('OPTIONS with the answer in it gets 204 so that the browser goes on, and is not the answer', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const headers = {
    origin: 'https://provider.example',
    'access-control-request-method': 'POST',
    'access-control-request-private-network': 'true',
  };
  const preflight = await sendRequest(`${acceptor.redirectUri}/?${answer}`, { method: 'OPTIONS', headers });
  assert.is(preflight.status, 204);
  assert.is(preflight.text, '');
  assert.is(preflight.headers['access-control-allow-origin'], '*');
  assert.is(preflight.headers['access-control-allow-private-network'], 'true');
  assert.not.match(JSON.stringify(preflight.headers), /REFLECTED|provider/);
  const answered = await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right' });
  assert.is(answered.headers['access-control-allow-origin'], undefined);
  assert.is((await within(2_000, 'the answer', accepted)).code, 'the-code');
});

test('OPTIONS counts as a stray request', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const rejected = rejection(acceptor.accept());
  assert.is((await sendRequest(`${acceptor.redirectUri}/?${answer}`, { method: 'OPTIONS' })).status, 204);
  assert.is((await rejected).code, 'ACCEPTOR_STRAY_REQUEST');
});

test('a form that is broken off is a stray request', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const rejected = rejection(acceptor.accept());
  const net = await import('node:net');
  const { host } = new URL(acceptor.redirectUri);
  const head = `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${form['content-type']}\r\nContent-Length: 100\r\n\r\n`;
  const socket = net.connect(acceptor.port, '127.0.0.1', () => socket.end(`${head}code=a`));
  socket.on('error', () => {});
  assert.is((await rejected).code, 'ACCEPTOR_STRAY_REQUEST');
});

test('a connection that says nothing is no request', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const accepted = acceptor.accept();
  await exchangeNothing(acceptor.port);
  await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right' });
  assert.is((await within(2_000, 'the answer', accepted)).code, 'the-code');
});

async function exchangeNothing(port: number): Promise<void> {
  const net = await import('node:net');
  const closed = new Promise<void>((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end());
    socket.on('close', () => resolve());
  });
  await within(2_000, 'the end of a silent connection', closed);
}

test('the wait ends with the first request beyond maxStrayRequests', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 3 });
  const rejected = rejection(acceptor.accept());
  for (let request = 1; request <= 3; request++) await sendRequest(`${acceptor.redirectUri}/favicon.ico`);
  assert.is(await Promise.race([rejected, 'still waiting']), 'still waiting');
  await sendRequest(`${acceptor.redirectUri}/favicon.ico`);
  const error = await rejected;
  assert.is(error.code, 'ACCEPTOR_STRAY_REQUEST');
  assert.match(error.message, '`maxStrayRequests` allows 3');
});

test('what is pipelined behind a request is not looked at', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const { host } = new URL(acceptor.redirectUri);
  const one = `GET /favicon.ico HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const text = await exchangeBytes(acceptor.port, `${one}GET /?${answer} HTTP/1.1\r\nHost: ${host}\r\n\r\n${one}`);
  assert.is(text.match(/^HTTP/gm)?.length, 1);
  await postForm(acceptor.redirectUri, { code: 'the-code', state: 'right' });
  assert.is((await within(2_000, 'the answer', accepted)).code, 'the-code');
});

test('a WebSocket is refused like any other part of a page', async () => {
  await using acceptor = await openAcceptor({ state: 'right', maxStrayRequests: 0 });
  const rejected = rejection(acceptor.accept());
  const { host } = new URL(acceptor.redirectUri);
  const head = [
    `GET /?${answer} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-Fetch-Dest: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ].join('\r\n');
  assert.match(await exchangeBytes(acceptor.port, `${head}\r\n\r\n`), /^HTTP\/1\.1 403 /);
  assert.is((await rejected).code, 'ACCEPTOR_STRAY_REQUEST');
});

test.run();
