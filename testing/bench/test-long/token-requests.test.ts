import { OneDriveTokenError, type OneDriveTokenHandler } from 'onedrive-token-handler';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Scene } from './scene.ts';

interface Situation {
  name: string;
  /** How many requests the token endpoint has to get. */
  requests: number;
  before?: (scene: Scene) => unknown;
  act(handler: OneDriveTokenHandler, scene: Scene): Promise<unknown>;
}

const expire = (scene: Scene): void => scene.expire();

const situations: Situation[] = [
  { name: '100 calls with a stored token', requests: 0, act: (handler) => ask(handler, 100) },
  { name: 'status()', requests: 0, before: expire, act: (handler) => handler.status() },
  { name: '100 calls at expiry', requests: 1, before: expire, act: (handler) => ask(handler, 100) },
  {
    name: '10 handlers at expiry',
    requests: 1,
    before: expire,
    act: (_, scene) => Promise.all(Array.from({ length: 10 }, () => scene.handler().getToken())),
  },
  {
    name: 'a call after a refresh',
    requests: 1,
    before: expire,
    act: async (handler) => {
      await handler.getToken();
      await handler.getToken();
    },
  },
  { name: 'a forced refresh', requests: 1, act: (handler) => handler.getToken({ forceRefresh: true }) },
  { name: 'a sign-in', requests: 1, act: (handler) => handler.signIn() },
  {
    name: 'a refresh that is throttled once',
    requests: 2,
    before(scene) {
      scene.expire();
      scene.authority.fail('token', { type: 'status', status: 429, retryAfter: '0' });
    },
    act: (handler) => handler.getToken(),
  },
  {
    name: 'a provider that is down',
    requests: 3,
    before(scene) {
      scene.expire();
      scene.authority.fail('token', { type: 'status', status: 503, retryAfter: '0' }, { times: 10 });
    },
    act: (handler) => refusal(handler, 'SERVER'),
  },
  {
    name: 'a revoked grant',
    requests: 1,
    async before(scene) {
      scene.expire();
      await scene.authority.revokeAll();
    },
    act: (handler) => refusal(handler, 'SIGN_IN_REQUIRED'),
  },
];

for (const { name, requests, before, act } of situations) {
  test(`${name}: ${requests} token requests`, async () => {
    await using scene = await Scene.open();
    await before?.(scene);
    const earlier = scene.authority.count('token');
    await act(scene.handler({ interactive: false }), scene);
    assert.is(scene.authority.count('token') - earlier, requests);
  });
}

function ask(handler: OneDriveTokenHandler, calls: number): Promise<string[]> {
  return Promise.all(Array.from({ length: calls }, () => handler.getToken()));
}

async function refusal(handler: OneDriveTokenHandler, code: OneDriveTokenError['code']): Promise<void> {
  const error = await handler.getToken().catch((reason: unknown) => reason);
  assert.instance(error, OneDriveTokenError);
  assert.is((error as OneDriveTokenError).code, code);
}

test.run();
