import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { oauth, testFaults } from './fault-cases.ts';
import { openScene, rejection } from './scene.ts';

testFaults({ name: 'node:http' });

test('if the provider refuses a code, the message says that something else may have used it', async () => {
  await using scene = await openScene();
  scene.authority.fail('token', oauth('invalid_grant', 70000));
  const error = await rejection(scene.handler().getToken());
  assert.is(error.code, 'SIGN_IN_REQUIRED');
  assert.match(error.message, /extension/);
});

for (const status of [400, 429, 500]) {
  test(`the refresh token is removed from every field of a response with status ${status}`, async () => {
    await using scene = await openScene();
    const store = new MemoryStore();
    store.records.set('my-app', { refreshToken: 'the-secret' });
    const fields = {
      error: 'the-secret',
      error_description: 'the-secret',
      trace_id: 'the-secret',
      correlation_id: 'the-secret',
    };
    const fault = { type: 'status', status, contentType: 'application/json', body: JSON.stringify(fields) } as const;
    scene.authority.fail('token', fault, { times: 3 });
    const error = await rejection(scene.handler({ store, requestTimeout: 30_000 }).getToken({ interactive: false }));
    assert.is(error.traceId, '[secret]');
    assert.not.match(inspect([error, scene.events], { depth: 9 }), 'the-secret');
  });
}

test('an error has no property for a value that is not known', async () => {
  await using scene = await openScene();
  const error = await rejection(scene.handler({ interactive: false }).getToken());
  const unknown = Object.getOwnPropertyNames(error).filter((name) => Reflect.get(error, name) === undefined);
  assert.equal(unknown, []);
});

test.run();
