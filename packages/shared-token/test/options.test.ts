import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SharedToken, type SharedTokenOptions } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';

const usable: SharedTokenOptions = {
  store: new MemoryStore(),
  name: 'my-app',
  refresh: async () => ({ access_token: 'access-token' }),
};

function storeWithout(method: keyof MemoryStore): object {
  return Object.assign(new MemoryStore(), { [method]: undefined });
}

const unusable: [name: string, options: object, error: new () => Error, message: string][] = [
  ['no store', { store: undefined }, TypeError, 'store must have a method get()'],
  ['null as the store', { store: null }, TypeError, 'store must have a method get()'],
  ['a store without replace()', { store: storeWithout('replace') }, TypeError, 'store must have a method replace()'],
  [
    'a store without exclusively()',
    { store: storeWithout('exclusively') },
    TypeError,
    'store must have a method exclusively()',
  ],
  ['no name', { name: undefined }, TypeError, 'name must be a string, not a value of type undefined'],
  ['an empty name', { name: '' }, TypeError, 'name must not be empty'],
  [
    'a name that could be of a lock',
    { name: 'sign-in\u001fapp' },
    TypeError,
    'name must not have the control character U+001F',
  ],
  ['half a surrogate pair as the name', { name: '\ud800' }, TypeError, 'name must be well-formed Unicode'],
  ['a number as the client id', { clientId: 5 }, TypeError, 'clientId must be a string, not 5'],
  ['an empty client id', { clientId: '' }, TypeError, 'clientId must not be empty'],
  ['a URL as the authority', { authority: new URL('http://a.test') }, TypeError, 'authority must be a string'],
  ['no refresh', { refresh: undefined }, TypeError, 'refresh must be a function, not undefined'],
  ['a token as refresh', { refresh: 'token' }, TypeError, 'refresh must be a function, not string'],
  ['null as signIn', { signIn: null }, TypeError, 'signIn must be a function, not object'],
  [
    'a list as needsSignIn',
    { needsSignIn: ['invalid_grant'] },
    TypeError,
    'needsSignIn must be a function, not object',
  ],
  ['a string as describeRefusal', { describeRefusal: 'no' }, TypeError, 'describeRefusal must be a function'],
  ['scopes as accepts', { accepts: ['files'] }, TypeError, 'accepts must be a function, not object'],
  ['an address as revoke', { revoke: 'https://login.example.com/revoke' }, TypeError, 'revoke must be a function'],
  ['a stream as onEvent', { onEvent: process.stderr }, TypeError, 'onEvent must be a function, not object'],
  ['a string as interactive', { interactive: 'no' }, TypeError, 'interactive must be a boolean, not string'],
  ['text as expirySkew', { expirySkew: '300' }, TypeError, 'expirySkew must be a number of milliseconds, not string'],
  [
    'a negative expirySkew',
    { expirySkew: -1 },
    RangeError,
    'expirySkew must be between 0 and 9007199254740991 milliseconds',
  ],
  ['NaN as expirySkew', { expirySkew: Number.NaN }, RangeError, 'expirySkew must be between 0 and'],
  ['text as refreshAhead', { refreshAhead: '5m' }, TypeError, 'refreshAhead must be a number of milliseconds'],
  ['an endless refreshTimeout', { refreshTimeout: Infinity }, RangeError, 'refreshTimeout must be between 1 and'],
  ['0 as refreshTimeout', { refreshTimeout: 0 }, RangeError, 'refreshTimeout must be between 1 and 2147483647'],
  ['a signInTimeout beyond timers', { signInTimeout: 2 ** 31 }, RangeError, 'signInTimeout must be between 1 and'],
];

for (const [name, options, error, message] of unusable) {
  test(`${name} is a ${error.name} that names the option`, () => {
    const make = (): SharedToken => new SharedToken({ ...usable, ...options } as SharedTokenOptions);
    assert.throws(make, (thrown: unknown) => thrown instanceof error && (thrown as Error).message.includes(message));
  });
}

test('undefined is the default for every option that has one', () => {
  const optional = {
    clientId: undefined,
    authority: undefined,
    signIn: undefined,
    needsSignIn: undefined,
    describeRefusal: undefined,
    accepts: undefined,
    interactive: undefined,
    expirySkew: undefined,
    refreshAhead: undefined,
    revoke: undefined,
    refreshTimeout: undefined,
    signInTimeout: undefined,
    onEvent: undefined,
  };
  assert.instance(new SharedToken({ ...usable, ...optional }), SharedToken);
});

test('the longest refreshTimeout is no short one, whatever time is added to it', async () => {
  const store = new MemoryStore();
  await store.set('my-app', { refreshToken: 'refresh-token' });
  const answer = async () => {
    await sleep(50);
    return { access_token: 'access-token' };
  };
  const refreshTimeout = 2 ** 31 - 1;
  await using shared = new SharedToken({ ...usable, store, refreshTimeout, refresh: answer });
  assert.is((await shared.getToken()).accessToken, 'access-token');
  assert.is((await shared.signIn({ signIn: ({ redeem }) => redeem(answer) })).accessToken, 'access-token');
});

test('making a SharedToken reads nothing and writes nothing', async () => {
  const store = new MemoryStore();
  const untouched = new Proxy(store, {
    get(target, name, receiver) {
      const method = Reflect.get(target, name, receiver);
      return typeof method === 'function' ? () => assert.unreachable(`${String(name)}() was called`) : method;
    },
  });
  await using shared = new SharedToken({ ...usable, store: untouched });
  assert.is(shared.peek(), undefined);
});

test.run();
