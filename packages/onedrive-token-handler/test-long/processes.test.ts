// Takes about 12 s.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { askProcesses } from '../test/ask-processes.ts';
import { assertOneRefresh, assertOneWindow } from '../test/many-processes.ts';
import { openScene } from '../test/scene.ts';

test('32 processes with 32 calls each at expiry make one refresh, and all get the same token', () =>
  assertOneRefresh(32));

test('6 processes without a sign-in open one browser window, and all get its token', () => assertOneWindow(6));

test('if the user closes the browser tab, all of 4 processes end at the timeout', async () => {
  await using scene = await openScene();
  // The tab shows an error, so the sign-in cannot go on, as if the tab was closed.
  scene.authority.fail('authorize', { type: 'status', status: 500 }, { times: 9 });
  const outcomes = await askProcesses(scene, 4, 2, { interactive: true, signInTimeout: 3_000 });
  const others = outcomes.filter(({ window }) => !window);
  assert.is(others.length, 8);
  assert.equal([...new Set(others.map(({ code }) => code))], ['SIGN_IN_TIMEOUT']);
});

test.run();
