import net from 'node:net';
import { inspect } from 'node:util';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AuthorizationError, openAcceptor, type PageContext } from '../src/index.ts';
import { exchangeBytes, postForm, sendRequest } from './send-request.ts';

test('a GET with the right state gives the code and all parameters', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const { status } = await sendRequest(`${acceptor.redirectUri}/?code=abc&state=right&session_state=a%20b&iss=x`);
  const { code, params } = await within('the answer', accepted);
  assert.is(status, 200);
  assert.is(code, 'abc');
  assert.equal(Object.fromEntries(params), { code: 'abc', state: 'right', session_state: 'a b', iss: 'x' });
});

test('a POST of a form with the right state gives the code and all parameters', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const { status } = await postForm(acceptor.redirectUri, { code: 'a+b/c=', state: 'right', extra: 'é' });
  const { code, params } = await within('the answer', accepted);
  assert.is(status, 200);
  assert.is(code, 'a+b/c=');
  assert.is(params.get('extra'), 'é');
});

test("the provider's error does not repeat the state, in whatever form it quotes it", async () => {
  const state = 'a state + more';
  await using acceptor = await openAcceptor({ state });
  const rejected = rejection(acceptor.accept());
  const quoted = {
    error: `no_${state}`,
    error_description: `request ${state} failed`,
    error_uri: `https://a.test/?${new URLSearchParams({ state })}`,
  };
  const { text } = await postForm(acceptor.redirectUri, { ...quoted, state });
  const error = await rejected;
  assert.not.match(`${inspect(error)} ${text}`, /a.state/);
  assert.match(error.message, 'The provider refused: no_… (request … failed)');
  assert.is((error as AuthorizationError).errorUri, 'https://a.test/?state=…');
});

test('a form of exactly 64 KiB is accepted', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const rest = 'code=&state=right'.length;
  await postForm(acceptor.redirectUri, { code: 'x'.repeat(65_536 - rest), state: 'right' });
  assert.is((await within('the answer', accepted)).code.length, 65_536 - rest);
});

test('a form whose content type names a charset is accepted', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const headers = { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=UTF-8', 'content-length': 18 };
  await sendRequest(acceptor.redirectUri, { method: 'POST', headers, body: 'code=a&state=right' });
  assert.is((await within('the answer', accepted)).code, 'a');
});

test('an HTTP/1.0 client that names the host is answered', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const head = `GET /?code=a&state=right HTTP/1.0\r\nHost: localhost:${acceptor.port}\r\n\r\n`;
  assert.match(await exchangeBytes(acceptor.port, head), /^HTTP\/1\.1 200 OK/);
  assert.is((await within('the answer', accepted)).code, 'a');
});

test('a request that comes in two pieces, cut anywhere, is the answer', async () => {
  const requests = (port: number): string[] => [
    `GET /?code=a&state=right HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`,
    `POST / HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 18\r\n\r\ncode=a&state=right`,
  ];
  for (const [kind, { length }] of requests(12_345).entries()) {
    for (let cut = 1; cut < length; cut++) {
      await using acceptor = await openAcceptor({ state: 'right' });
      const accepted = acceptor.accept();
      const request = requests(acceptor.port)[kind] ?? '';
      const socket = net.connect({ port: acceptor.port, host: '127.0.0.1', noDelay: true }).resume();
      await new Promise((resolve) => socket.write(request.slice(0, cut), resolve));
      // The acceptor reads the first piece in these turns of the event loop.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      socket.write(request.slice(cut));
      assert.is((await within(`the answer cut at ${cut}`, accepted)).code, 'a');
      socket.destroy();
    }
  }
});

test('values are read as a browser writes them: plus signs, percent signs and broken UTF-8 included', async () => {
  for (const [sent, code] of [
    ['a+b%2Bc', 'a b+c'],
    ['%zz%', '%zz%'],
    ['%ff%fe', '\ufffd\ufffd'],
    ['%EF%BB%BFa', '\ufeffa'],
    ['a=b=', 'a=b='],
    ['a;b', 'a;b'],
  ]) {
    await using acceptor = await openAcceptor({ state: 'ä 😀&' });
    const accepted = acceptor.accept();
    await sendRequest(`${acceptor.redirectUri}/?code=${sent}&state=${encodeURIComponent('ä 😀&')}`);
    assert.is((await within('the answer', accepted)).code, code);
  }
});

test('a head of exactly 64 KiB is accepted', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const start = `GET /?state=right&code=a HTTP/1.1\r\nHost: localhost:${acceptor.port}\r\nX: `;
  const head = (length: number): string => `${start.padEnd(length, 'x')}\r\n\r\n`;
  assert.match(await exchangeBytes(acceptor.port, head(65_537)), /^HTTP\/1\.1 431 /);
  assert.match(await exchangeBytes(acceptor.port, head(65_536)), /^HTTP\/1\.1 200 /);
  assert.is((await within('the answer', accepted)).code, 'a');
});

test('a navigation of a browser is accepted, from another site and with Origin null', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const accepted = acceptor.accept();
  const headers = {
    origin: 'null',
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  };
  const { status } = await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`, { headers });
  assert.is(status, 200);
  assert.is((await within('the answer', accepted)).code, 'a');
});

test('an error of the provider is an AuthorizationError with all that the provider says', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const rejected = rejection(acceptor.accept());
  const query = new URLSearchParams({
    error: 'access_denied',
    error_description: 'The user said no',
    error_uri: 'https://provider.example/errors/1',
    state: 'right',
  });
  const { status } = await sendRequest(`${acceptor.redirectUri}/?${query}`);
  const error = await rejected;
  assert.is(status, 200);
  assert.instance(error, AuthorizationError);
  const { name, code, error: told, errorDescription, errorUri, message } = error as AuthorizationError;
  assert.equal([name, code, told], ['AuthorizationError', 'AUTHORIZATION_ERROR', 'access_denied']);
  assert.is(errorDescription, 'The user said no');
  assert.is(errorUri, 'https://provider.example/errors/1');
  assert.is(message, 'The provider refused: access_denied (The user said no)');
});

test('an error without description has none, and its message is one short line without control or direction characters', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const rejected = rejection(acceptor.accept());
  await postForm(acceptor.redirectUri, { error: `\u001b[31mbad\u202e\r\nline ${'x'.repeat(10_000)}`, state: 'right' });
  const error = (await rejected) as AuthorizationError;
  assert.not('errorDescription' in error);
  assert.not('errorUri' in error);
  assert.match(error.message, /^The provider refused: \[31mbad line x+…$/);
  assert.ok(error.message.length <= 501);
  assert.ok(error.error.startsWith('\u001b[31mbad\u202e\r\nline'), 'the field is as the provider sent it');
});

test('with an issuer, a response that carries it as iss is accepted', async () => {
  await using acceptor = await openAcceptor({ state: 'right', issuer: 'https://provider.example' });
  const accepted = acceptor.accept();
  const iss = encodeURIComponent('https://provider.example');
  await sendRequest(`${acceptor.redirectUri}/?code=a&state=right&iss=${iss}`);
  assert.is((await within('the answer', accepted)).code, 'a');
});

test('an answer that comes before accept() is kept, and its page does not wait forever', async () => {
  const pages: boolean[] = [];
  const renderPage = ({ redeemed }: PageContext): string => `${pages.push(redeemed)}`;
  await using acceptor = await openAcceptor({ state: 'right', renderPage });
  const { status } = await sendRequest(`${acceptor.redirectUri}/?code=early&state=right`);
  assert.is(status, 200);
  assert.is((await within('the answer', acceptor.accept())).code, 'early');
  const redeem = async ({ code }: { code: string }): Promise<string> => code;
  assert.is(await within('redeem', acceptor.accept(redeem)), 'early');
  assert.equal(pages, [false]);
});

test('every call of accept() has the same outcome', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  const calls = [acceptor.accept(), acceptor.accept()];
  await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
  const [first, second] = await within('the answers', Promise.all(calls));
  assert.is(first, second);
  await acceptor.close();
  assert.is(await within('a late call', acceptor.accept()), first);
});

test('two acceptors at the same time do not accept each other’s answers', async () => {
  await using one = await openAcceptor({ state: 'one' });
  await using two = await openAcceptor({ state: 'two' });
  const outcomes = Promise.all([one.accept(), two.accept()]);
  assert.is.not(one.port, two.port);
  assert.is((await sendRequest(`${one.redirectUri}/?code=2&state=two`)).status, 400);
  await sendRequest(`${two.redirectUri}/?code=2&state=two`);
  await sendRequest(`${one.redirectUri}/?code=1&state=one`);
  const [first, second] = await within('both answers', outcomes);
  assert.equal([first.code, second.code], ['1', '2']);
});

test('a printed acceptor shows neither state nor code', async () => {
  const { inspect } = await import('node:util');
  await using acceptor = await openAcceptor({ state: 'secret-state' });
  const accepted = acceptor.accept();
  await sendRequest(`${acceptor.redirectUri}/?code=secret-code&state=secret-state`);
  await within('the answer', accepted);
  assert.not.match(inspect(acceptor, { depth: 10, showHidden: true }), /secret/);
  assert.not.match(JSON.stringify(acceptor), /secret/);
});

test.run();
