/** Part of many requests, so that a response that repeats some of the request is noticed. */
export const mark = 'REFLECTED';

const methods = ['GET', 'POST', 'GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'CONNECT', 'TRACE', 'PRI', 'get', 'G(T', ''];
const targets = [
  '/',
  `/?code=${mark}&state=wrong`,
  `/?code=${mark}`,
  `/?${'a=b&'.repeat(500)}`,
  `/${mark}`,
  '*',
  `http://localhost/?code=${mark}&state=wrong`,
  '/',
  '//',
  '/?code=%',
  '/?code=%00%ff&state=%f0%9f',
  `/?code=${mark}#x`,
  '/ /',
  '',
];
const versions = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.11',
  'http/1.1',
  'HTTP/1.',
  '',
];
const headers = [
  'Content-Length: 0',
  'Content-Length: 27',
  'Content-Length: 65537',
  'Transfer-Encoding: chunked',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Type: application/json',
  `Content-Type: ${mark}`,
  'Expect: 100-continue',
  `Expect: ${mark}`,
  'Connection: keep-alive',
  'Connection: Upgrade',
  'Upgrade: h2c',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Dest: image',
  'Accept: text/html',
  `X: ${'x'.repeat(3_000)}`,
  `Cookie:\t ${mark} \t`,
  'X:\u00ff\u0080',
  'Empty:',
];
const oddHeaders = [
  'Host: {host}',
  `Host: ${mark}.example`,
  'Host:',
  'Host : {host}',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Content-Length: 5, 5',
  'Content-Length: 0x10',
  'Transfer-Encoding: gzip, chunked',
  ' folded: line',
  `${mark}: \u0001`,
  'no colon',
  ': no name',
];
const bodies = ['', `code=${mark}&state=wrong12345`, '5\r\nhello\r\n0\r\n\r\n', 'ffffffffff\r\n', '\u0000'.repeat(50)];

/** Bytes that are a request, or nearly one. They never have the right state. */
export function createRequest(random: () => number, host: string): string {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  if (random() < 0.05) return randomBytes(random, 1 + Math.floor(random() * 300));
  const isOdd = random() < 0.4;
  const method = isOdd ? pick(methods) : pick(['GET', 'POST', 'POST', 'PUT', 'HEAD', 'OPTIONS']);
  const lines = [`${method} ${pick(targets)} ${isOdd ? pick(versions) : 'HTTP/1.1'}`, 'Host: {host}'];
  for (let count = Math.floor(random() * 6); count > 0; count--) lines.push(pick(headers));
  if (isOdd) lines.splice(1 + Math.floor(random() * lines.length), random() < 0.3 ? 1 : 0, pick(oddHeaders));
  let request = `${lines.join('\r\n')}\r\n\r\n${pick(bodies)}`.replaceAll('{host}', host);
  for (let count = Math.floor(random() * 4); isOdd && count > 0; count--) request = mutate(random, request);
  return random() < 0.05 ? request.repeat(3) : request;
}

function mutate(random: () => number, text: string): string {
  const at = Math.floor(random() * text.length);
  const length = Math.floor(random() * 10);
  const odd = ['\r', '\n', '\r\n', '\u0000', ' ', ':', '\t', '\u00ff', '%', '\r\n\r\n'];
  switch (Math.floor(random() * 4)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + odd[Math.floor(random() * odd.length)] + text.slice(at);
    case 2:
      return text.slice(0, at) + randomBytes(random, length) + text.slice(at + length);
    default:
      return text.slice(0, at);
  }
}

function randomBytes(random: () => number, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(Math.floor(random() * 256))).join('');
}
