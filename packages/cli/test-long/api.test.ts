import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openSignedInScene } from '../test/fixtures/cli-home.ts';
import { assertWorthRetrying } from '../test/fixtures/worth-retrying.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

for (const [what, fault] of [
  ['wants an hour of rest', { type: 'status', status: 429, retryAfter: '3600' }],
  [
    'wants an hour of rest, as a date',
    { type: 'status', status: 503, retryAfter: new Date(Date.now() + 3_600_000).toUTCString() },
  ],
] as const) {
  test(`a Graph that ${what} is worth retrying later: 6, at once`, async () => {
    assert.ok((await assertWorthRetrying({ home, authority }, ['api', '/me'], 'graph', fault)) < 8000);
  });
}

test('Graph is waited for as long as it asks', async () => {
  authority.fail('graph', { type: 'status', status: 429, retryAfter: '1' });
  const started = performance.now();
  assert.is((await home.run(['api', '/me'])).status, 0);
  assert.ok(performance.now() - started > 1000);
});

test.run();
