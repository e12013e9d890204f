import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RequestOptions, readRequest } from '../src/commands/api/read-request.ts';
import { UsageError } from '../src/terminal/failure.ts';

for (const [what, options, says] of [
  ['a body with GET', { method: 'get', data: '{}' }, /--data.*GET.*--method/],
  ['a body with HEAD', { method: 'HEAD', data: '{}' }, /--data.*HEAD.*--method/],
  ['a text that is not a method', { method: 'G T' }, /--method/],
  ['a header without a colon', { header: ['nonsense'] }, /--header.*'nonsense'/],
  ['a header without a name', { header: [': x'] }, /--header.*': x'/],
  ['a header of two lines', { header: ['x-name: a\r\nb: c'] }, /--header/],
  ['a header that is not Latin', { header: ['x-name: \u{1f600}'] }, /--header: .* Latin .*x-name/],
  ['a header with a control character', { header: ['x-name: \u0001'] }, /--header: .*x-name/],
  ['the token as a header', { header: ['authorization: Bearer secret'] }, /--header: Authorization /],
  ...[
    'Content-Length: 5',
    'transfer-encoding: chunked',
    'Connection: close',
    'Keep-Alive: 5',
    'TE: x',
    'Expect: 100-continue',
  ].map((line) => [`the connection's header ${line}`, { header: [line] }, /--header: \S+ is set for you/] as const),
] as const satisfies (readonly [string, RequestOptions, RegExp])[]) {
  test(`${what} is wrong usage`, async () => {
    try {
      await readRequest(options);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, UsageError);
      assert.match((error as Error).message, says);
      assert.not.match((error as Error).message, 'secret');
    }
  });
}

test('a request without options is a GET, one with a body a POST of JSON', async () => {
  const plain = await readRequest({});
  assert.is(plain.method, 'GET');
  assert.is(plain.body, undefined);
  assert.match(plain.headers?.get('user-agent') ?? '', /^onedrive-token\/\d/);
  const posted = await readRequest({ data: '{}' });
  assert.is(posted.method, 'POST');
  assert.is(posted.headers?.get('content-type'), 'application/json');
});

test('a header that is given once replaces ours, and one that is given twice is sent twice', async () => {
  const { headers } = await readRequest({ header: ['Accept: a/b', 'Prefer: c', 'prefer: d', 'User-Agent:me'] });
  assert.is(headers?.get('accept'), 'a/b');
  assert.is(headers?.get('prefer'), 'c, d');
  assert.is(headers?.get('user-agent'), 'me');
});

test.run();
