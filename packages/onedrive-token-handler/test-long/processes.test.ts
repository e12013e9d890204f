import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { askProcesses } from '../test/ask-processes.ts';
import { openScene } from '../test/scene.ts';

test('32 processes with 32 calls each at expiry make one refresh, and all get the same token', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const outcomes = await askProcesses(scene, 32, 32);
  assert.is(outcomes.length, 1024);
  assert.is(new Set(outcomes.map(({ token }) => token)).size, 1);
  assert.ok(outcomes[0]?.token);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test.run();
