import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import * as fetchExample from '../../examples/fetch.ts';
import * as oauth4webapi from '../../examples/oauth4webapi.ts';
import * as openidClient from '../../examples/openid-client.ts';
import type { SharedTokenOptions } from '../../src/index.ts';
import { mustNotAsk, test } from '../../test/scene.ts';
import { type ProviderSettings, startStrictProvider } from './test-provider.ts';

type RefreshAt = (provider: ProviderSettings) => SharedTokenOptions['refresh'];

/** How a program refreshes with each library, and the class of the errors that it gets. */
const libraries: [name: string, errorName: string, refreshAt: RefreshAt][] = [
  ['openid-client', 'ResponseBodyError', (to) => openidClient.createRefresh(to.issuer, to.clientId, to.clientSecret)],
  ['oauth4webapi', 'ResponseBodyError', (to) => oauth4webapi.createRefresh(to.issuer, to.clientId, to.clientSecret)],
  ['fetch', 'Error', (to) => fetchExample.createRefresh(to.tokenEndpoint, to.clientId, to.clientSecret)],
];

for (const [name, errorName, refreshAt] of libraries) {
  test(`the invalid_grant of ${name} needs a sign-in by default`, async (scene) => {
    await using provider = await startStrictProvider();
    await scene.store.set('my-app', { refreshToken: 'of another time' });
    const error = await rejection(scene.open({ refresh: refreshAt(provider.settings) }).getToken());
    assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'refused']);
    assert.is((error.cause as Error).constructor.name, errorName);
    assert.is(scene.record.refusedBecause, 'invalid_grant');
  });

  test(`the invalid_client of ${name} reaches the caller as it is: a sign-in would not help`, async (scene) => {
    await using provider = await startStrictProvider();
    await scene.store.set('my-app', { refreshToken: 'of another time' });
    const { record } = scene;
    const refresh = refreshAt({ ...provider.settings, clientSecret: 'a wrong secret' });
    const error = await rejection(scene.open({ refresh, signIn: mustNotAsk }).getToken());
    assert.equal([error.constructor.name, error.error], [errorName, 'invalid_client']);
    assert.equal(scene.record, record);
  });

  test(`a provider that ${name} cannot reach is not a reason to sign in`, async (scene) => {
    const provider = await startStrictProvider();
    await provider[Symbol.asyncDispose]();
    await scene.store.set('my-app', { refreshToken: 'of another time' });
    const refresh = refreshAt(provider.settings);
    const error = await rejection(scene.open({ refresh, signIn: mustNotAsk }).getToken());
    assert.is(error.name, 'TypeError');
  });
}

test.run();
