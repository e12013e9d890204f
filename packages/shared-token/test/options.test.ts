import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { rejection } from 'testing-authority/within';
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

const unusable: [options: object, message: string, error?: new () => Error][] = [
  [{ store: undefined }, 'store must have a method get()'],
  [{ store: null }, 'store must have a method get()'],
  [{ store: storeWithout('replace') }, 'store must have a method replace()'],
  [{ store: storeWithout('exclusively') }, 'store must have a method exclusively()'],
  [{ name: undefined }, 'name must be a string, not a value of type undefined'],
  [{ name: '' }, 'name must not be empty'],
  // It could be that of a lock.
  [{ name: 'sign-in\u001fapp' }, 'name must not have the control character U+001F'],
  [{ name: '\ud800' }, 'name must be well-formed Unicode'],
  [{ clientId: 5 }, 'clientId must be a string, not 5'],
  [{ clientId: '' }, 'clientId must not be empty'],
  [{ authority: new URL('http://a.test') }, 'authority must be a string'],
  [{ refresh: undefined }, 'refresh must be a function, not undefined'],
  [{ refresh: 'token' }, 'refresh must be a function, not string'],
  [{ signIn: null }, 'signIn must be a function, not object'],
  [{ needsSignIn: ['invalid_grant'] }, 'needsSignIn must be a function, not object'],
  [{ describeRefusal: 'no' }, 'describeRefusal must be a function'],
  [{ accepts: ['files'] }, 'accepts must be a function, not object'],
  [{ revoke: 'https://login.example.com/revoke' }, 'revoke must be a function'],
  [{ onEvent: process.stderr }, 'onEvent must be a function, not object'],
  [{ interactive: 'no' }, 'interactive must be a boolean, not string'],
  [{ expirySkew: '300' }, 'expirySkew must be a number of milliseconds, not string'],
  [{ expirySkew: -1 }, 'expirySkew must be between 0 and 9007199254740991 milliseconds', RangeError],
  [{ expirySkew: Number.NaN }, 'expirySkew must be between 0 and', RangeError],
  [{ refreshAhead: '5m' }, 'refreshAhead must be a number of milliseconds'],
  [{ refreshTimeout: Infinity }, 'refreshTimeout must be between 1 and', RangeError],
  [{ refreshTimeout: 0 }, 'refreshTimeout must be between 1 and 2147483647', RangeError],
  [{ signInTimeout: 2 ** 31 }, 'signInTimeout must be between 1 and', RangeError],
];

for (const [options, message, error = TypeError] of unusable) {
  test(`${inspect(options, { depth: 0 })} is a ${error.name} that says: ${message}`, () => {
    const make = (): SharedToken => new SharedToken({ ...usable, ...options } as SharedTokenOptions);
    assert.throws(make, (thrown: unknown) => thrown instanceof error && (thrown as Error).message.includes(message));
  });
}

test('a call with an option that is not known is a TypeError that names it', async () => {
  await using shared = new SharedToken(usable);
  const misspelt: object = { forceRefrsh: true };
  const calls = [() => shared.getToken(misspelt), async () => shared.peek(misspelt), () => shared.signIn(misspelt)];
  for (const call of calls) {
    const error = await rejection(call());
    assert.instance(error, TypeError);
    assert.match(error.message, 'forceRefrsh');
  }
});

test('undefined is the default for every option that has one', () => {
  const functions = ['signIn', 'needsSignIn', 'describeRefusal', 'accepts', 'revoke', 'onEvent'];
  const times = ['expirySkew', 'refreshAhead', 'refreshTimeout', 'signInTimeout'];
  const names = ['clientId', 'authority', 'interactive', ...functions, ...times];
  const optional = Object.fromEntries(names.map((name) => [name, undefined]));
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
