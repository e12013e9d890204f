import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AuthorizationError,
  type ExpectedRedirect,
  RedirectUrlError,
  type RedirectUrlReason,
  readRedirectUrl,
} from '../src/index.ts';

const state = 'the-right-state';
const redirectUri = 'http://localhost:49152';
const answer = `code=the-code&state=${state}`;
const issuer = 'https://provider.example';

/** What `readRedirectUrl` throws. */
function failure(pasted: string, expected: Partial<ExpectedRedirect> = {}): Error {
  try {
    readRedirectUrl(pasted, { state, ...expected });
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was accepted');
}

/** Refused with and without a `redirectUri`. */
const refused: [reason: RedirectUrlReason, what: string, pasted: string, expected?: Partial<ExpectedRedirect>][] = [
  ['not-an-address', 'nothing', ''],
  ['not-an-address', 'white space', ' \r\n\t '],
  ['not-an-address', 'only what a terminal adds', '\u001b[200~""\u001b[201~'],
  ['not-an-address', 'a word', 'nonsense'],
  ['not-an-address', 'a sentence', 'I do not know what to paste'],
  ['not-an-address', 'a question mark', '?'],
  ['no-answer', 'an address without a question mark', redirectUri],
  ['no-answer', 'an address without http:// and without a question mark', 'localhost:49152/'],
  ['no-answer', 'an address with nothing after its question mark', `${redirectUri}/?`],
  ['no-answer', 'an address with only a fragment', `${redirectUri}/#${answer}`],
  ['no-answer', 'an address with only a fragment after its question mark', `${redirectUri}/?#${answer}`],
  ['no-answer', 'an address without a code', `${redirectUri}/?nothing=1`],
  ['no-answer', 'an address with the right state and no code', `${redirectUri}/?state=${state}`],
  ['no-answer', 'an empty code', `${redirectUri}/?code=&state=${state}`],
  ['no-answer', 'an empty error', `${redirectUri}/?error=&state=${state}`],
  ['no-answer', 'parameters without a code', 'a=1&b=2'],
  ['code-and-error', 'a code and an error', `${redirectUri}/?${answer}&error=access_denied`],
  ['duplicate-parameter', 'a code twice', `${redirectUri}/?${answer}&code=other`],
  ['duplicate-parameter', 'the same parameter twice', `${redirectUri}/?${answer}&x=1&x=1`],
  ['duplicate-parameter', 'an address that was pasted twice', `${redirectUri}/?${answer}${redirectUri}/?${answer}`],
  ['wrong-state', 'no state', `${redirectUri}/?code=the-code`],
  ['wrong-state', 'an empty state', `${redirectUri}/?code=the-code&state=`],
  ['wrong-state', 'another state', `${redirectUri}/?code=the-code&state=the-wrong-state`],
  ['wrong-state', 'a state that is the right one and more', `${redirectUri}/?${answer}s`],
  ['wrong-state', 'a state in another case', `${redirectUri}/?code=the-code&state=${state.toUpperCase()}`],
  ['wrong-state', 'an error without state', `${redirectUri}/?error=access_denied`],
  ['wrong-state', 'an error with another state', `${redirectUri}/?error=access_denied&state=wrong`],
  ['wrong-issuer', 'no issuer', `${redirectUri}/?${answer}`, { issuer }],
  ['wrong-issuer', 'another issuer', `${redirectUri}/?${answer}&iss=https%3A%2F%2Fother.example`, { issuer }],
  ['wrong-issuer', 'an error without issuer', `${redirectUri}/?error=access_denied&state=${state}`, { issuer }],
];

for (const [reason, what, pasted, expected] of refused) {
  test(`${what} is refused: ${reason}`, () => {
    for (const more of [expected, { ...expected, redirectUri }]) {
      const error = failure(pasted, more);
      assert.instance(error, RedirectUrlError);
      const { code, reason: told, name, message, problem, remedy } = error as RedirectUrlError;
      assert.equal({ code, told, name }, { code: 'REDIRECT_URL', told: reason, name: 'RedirectUrlError' });
      assert.is(message, `${problem}. ${remedy}`);
      assert.match(remedy, /^(?:Copy|Open|Sign in again and copy) .+[^.]$/, 'it says what to do');
      const isAboutPage = reason === 'not-an-address' && more !== expected;
      assert.is(remedy.includes('It starts with'), isAboutPage);
    }
  });
}

const otherPages: [what: string, pasted: string, expected?: string][] = [
  ['another site', `https://example.com/?${answer}`],
  ['the sign-in page itself', `https://login.example/authorize?client_id=x&${answer}`],
  ['another port', `http://localhost:1/?${answer}`],
  ['another port without http://', `localhost:1/?${answer}`],
  ['another loopback address without http://', `127.0.0.1:49152/?${answer}`],
  ['no port', `http://localhost/?${answer}`],
  ['https', `https://localhost:49152/?${answer}`],
  ['another path', `http://localhost:49152/other?${answer}`],
  ['a path with a slash behind', `http://localhost:49152/callback/?${answer}`, `${redirectUri}/callback`],
  ['a host behind the expected one', `http://localhost:49152@evil.example/?${answer}`],
  ['another page without a query', 'https://example.com/'],
  ['a script', `javascript:alert(1)?${answer}`],
];

for (const [what, pasted, expectedPage = redirectUri] of otherPages) {
  test(`an address of ${what} is refused if the redirect URI is given, and the message names that`, () => {
    const error = failure(pasted, { redirectUri: expectedPage }) as RedirectUrlError;
    assert.is(error.reason, 'other-page');
    assert.match(error.message, ` It starts with ${expectedPage}`);
  });
}

test('text before the question mark that is not an address is refused if the redirect URI is given', () => {
  const error = failure(`nonsense?${answer}`, { redirectUri }) as RedirectUrlError;
  assert.is(error.reason, 'not-an-address');
  assert.match(error.message, redirectUri);
});

test('no error shows the pasted text, the code or the state', () => {
  const secret = 'SECRET-IN-THE-PASTE';
  for (const pasted of [
    secret,
    `http://${secret}.example/?${answer}`,
    `${redirectUri}/?code=${secret}&code=${secret}&state=${secret}`,
    `${redirectUri}/?code=${secret}&error=${secret}`,
    `${redirectUri}/?code=${secret}&state=wrong`,
    `${redirectUri}/?${secret}=1`,
    `${redirectUri}/?code=${secret}&state=${state}`,
  ]) {
    const error = failure(pasted, { redirectUri, issuer });
    assert.instance(error, RedirectUrlError);
    assert.not.match(inspect(error, { depth: 9, showHidden: true }), new RegExp(`${secret}|${state}`, 'i'));
  }
});

test('the error of the provider, with the right state, is an AuthorizationError', () => {
  const error = failure(`${redirectUri}/?error=access_denied&state=${state}`, { redirectUri });
  assert.instance(error, AuthorizationError);
  assert.is((error as AuthorizationError).error, 'access_denied');
});

for (const [name, pasted, expected] of [
  ['pasted', undefined, {}],
  ['pasted', 5, {}],
  ['state', '', { state: '' }],
  ['state', '', { state: undefined }],
  ['issuer', '', { issuer: '' }],
  ['issuer', '', { issuer: 5 }],
  ['redirectUri', '', { redirectUri: '' }],
  ['redirectUri', '', { redirectUri: 'localhost' }],
  ['redirectUri', '', { redirectUri: 'localhost:49152' }],
] as const) {
  test(`${name}: ${inspect({ pasted, ...expected })} is a TypeError that names it`, () => {
    const error = failure(pasted as string, expected as Partial<ExpectedRedirect>);
    assert.instance(error, TypeError);
    assert.match(error.message, `\`${name}\``);
  });
}

const accepted: [what: string, pasted: string][] = [
  ['the address', `${redirectUri}/?${answer}`],
  ['without the slash of the root', `${redirectUri}?${answer}`],
  ['without http://, as browsers show it', `localhost:49152/?${answer}`],
  ['with the host in another case', `HTTP://LocalHost:49152/?${answer}`],
  ['only from the question mark on', `?${answer}`],
  ['only the part after the question mark', answer],
  ['only that part, with a question mark in a value', `${answer}&from=a?b`],
  ['with a fragment, as some providers add it', `${redirectUri}/?${answer}#_=_`],
  ['with an empty fragment', `${redirectUri}/?${answer}#`],
  ['with further parameters', `${redirectUri}/?session_state=1&${answer}&iss=https%3A%2F%2Fprovider.example`],
  ['between white space', `  ${redirectUri}/?${answer} \n`],
  ['in two lines', `${redirectUri}/?code=the-\r\n  code&state=${state}`],
  ['between the marks of a bracketed paste', `\u001b[200~${redirectUri}/?${answer}\u001b[201~`],
  ['in single quotes', `'${redirectUri}/?${answer}'`],
  ['in double quotes', `"${redirectUri}/?${answer}"`],
  ['in backticks', `\`${redirectUri}/?${answer}\``],
  ['in angle brackets', `<${redirectUri}/?${answer}>`],
  ['with the backslashes of a shell', `${redirectUri}/\\?code=the-code\\&state=${state}`],
  ['with invisible characters', `\ufeff${redirectUri}/?code=the\u200b-code&state=${state}\u0000`],
];

for (const [what, pasted] of accepted) {
  test(`the answer is read ${what}`, () => {
    for (const expected of [{ state }, { state, redirectUri }]) {
      const { code, params } = readRedirectUrl(pasted, expected);
      assert.is(code, 'the-code');
      assert.is(params.get('state'), state);
    }
  });
}

test('without a redirect URI the page does not matter', () => {
  for (const page of ['http://localhost/', 'https://other.example/a/b', 'nonsense', 'Address: http://localhost:1/']) {
    assert.is(readRedirectUrl(`${page}?${answer}`, { state }).code, 'the-code');
  }
});

test('a redirect URI with a path, a literal address or the port 80 matches its own address', () => {
  for (const [expected, pasted] of [
    ['http://127.0.0.1:5/callback', `127.0.0.1:5/callback?${answer}`],
    ['http://[::1]:5', `[::1]:5/?${answer}`],
    ['http://localhost', `localhost?${answer}`],
    ['http://localhost:80/', `http://localhost/?${answer}`],
  ] as const) {
    assert.is(readRedirectUrl(pasted, { state, redirectUri: expected }).code, 'the-code');
  }
});

test('values are read as a browser writes them', () => {
  const pasted = `${redirectUri}/?code=a+b%2Bc%5C%22&state=%C3%A4%20%F0%9F%98%80%26`;
  assert.is(readRedirectUrl(pasted, { state: 'ä 😀&', redirectUri }).code, 'a b+c\\"');
});

test.run();
