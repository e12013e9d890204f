import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAcceptor, readRedirectUrl } from '../src/index.ts';

const cases: [name: string, error: ErrorConstructor, values: unknown[]][] = [
  ['state', TypeError, [undefined, null, '', 5, {}]],
  ['host', RangeError, [null, 5, '', '0.0.0.0', 'example.org', '[::1]', 'LOCALHOST']],
  ['port', TypeError, ['80', null, 80n]],
  ['port', RangeError, [-1, 65_536, 1.5, Number.NaN]],
  ['path', TypeError, [null, 5, '', 'callback', '/a?b', '/a#b', '/a b', '/ü', '/a/../b', '/a/.', '/a\\b', '/a\nb']],
  ['timeout', TypeError, ['1000', null, 5n]],
  ['timeout', RangeError, [0, -1, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 31]],
  ['maxStrayRequests', TypeError, ['1', null]],
  ['maxStrayRequests', RangeError, [-1, Number.NaN, Number.NEGATIVE_INFINITY]],
  ['issuer', TypeError, [null, '', 5]],
  ['signal', TypeError, [null, 5, {}, 'abort']],
  ['renderPage', TypeError, [null, '<p>', {}]],
];

for (const [name, error, values] of cases) {
  for (const value of values) {
    const shown = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
    test(`${name}: ${shown} is a ${error.name} that names the option`, async () => {
      const options = { state: 'top-secret', [name]: value } as Parameters<typeof openAcceptor>[0];
      const rejected = await rejection(openAcceptor(options));
      assert.instance(rejected, error);
      assert.match(rejected.message, `\`${name}\``);
      assert.not.match(rejected.message, 'top-secret');
    });
  }
}

test('calling without options is a TypeError that says what is needed', async () => {
  for (const nothing of [undefined, null]) {
    const rejected = await rejection(openAcceptor(nothing as never));
    assert.instance(rejected, TypeError);
    assert.match(rejected.message, /'state' of 'options'/);
  }
});

test('an unknown option is a TypeError that names it', async () => {
  const rejected = await rejection(openAcceptor({ state: 'right', timeOut: 'top-secret' } as never));
  assert.instance(rejected, TypeError);
  assert.is(rejected.message, 'unknown option "timeOut"');
  const expected = { state: 'right', redirect_uri: 'http://localhost' };
  assert.throws(() => readRedirectUrl('code=a&state=right', expected), /^unknown option "redirect_uri"$/);
});

test('undefined is the default of every option but the state', async () => {
  const names = ['host', 'port', 'path', 'timeout', 'maxStrayRequests', 'issuer', 'signal', 'renderPage'];
  const options = Object.fromEntries(names.map((name) => [name, undefined]));
  await using acceptor = await openAcceptor({ ...options, state: 'right' });
  assert.match(acceptor.redirectUri, /^http:\/\/localhost:\d+$/);
});

test('the greatest and the least allowed values work', async () => {
  await using acceptor = await openAcceptor({
    state: 'x',
    timeout: 2 ** 31 - 1,
    maxStrayRequests: Number.POSITIVE_INFINITY,
  });
  assert.ok(acceptor.port > 0);
  assert.is((await rejection((await openAcceptor({ state: 'x', timeout: 1 })).accept())).code, 'ACCEPTOR_TIMEOUT');
  // Another program may listen there.
  const last = await openAcceptor({ state: 'x', port: 65_535 }).catch((error) => error);
  assert.ok(last.port === 65_535 || last.code === 'ACCEPTOR_LISTEN', last);
  await last.close?.();
});

test('a TypeError says what came', async () => {
  for (const [port, what] of [
    ['80', 'string'],
    [null, 'null'],
  ]) {
    const { message } = await rejection(openAcceptor({ state: 'x', port: port as never }));
    assert.is(message, `\`port\` must be an integer from 0 to 65535, not ${what}`);
  }
});

test.run();
