// Takes about 20 s.
import { approveDevice, type Fault } from 'testing-authority';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { failure, openScene } from './scene.ts';

test('polling slows down by 5 s after slow_down, goes on as slowly after a lost connection or an outage, waits once as Retry-After asks, and ends at an abort', async () => {
  const poll = async (fault: Fault, polls = 2): Promise<number[]> => {
    await using scene = await openScene({ deviceInterval: 1 });
    scene.authority.fail('token', fault);
    const abort = new AbortController();
    const handler = scene.handler({ signInTimeout: 30_000 });
    const signIn = failure(handler.signIn({ method: 'device', onDeviceCode: () => {}, signal: abort.signal }));
    await until(() => scene.authority.count('token') >= polls);
    abort.abort(new Error('enough'));
    assert.is((await signIn).message, 'enough');
    const times = scene.authority.requests.flatMap(({ endpoint, at }) => (endpoint === 'token' ? at : []));
    return times.slice(1).map((at, index) => at - (times[index] ?? 0));
  };
  const [[toldTo = 0], [offline = 0], [outage = 0], [soon = 0], [asked = 0, later = 0]] = await Promise.all([
    poll({ type: 'oauth', error: 'slow_down' }),
    poll({ type: 'drop', when: 'before' }),
    poll({ type: 'status', status: 503 }),
    poll({ type: 'status', status: 429, retryAfter: '2' }),
    poll({ type: 'status', status: 429, retryAfter: '8' }, 3),
  ]);
  assert.ok(Math.min(toldTo, offline, outage, soon) >= 5_900, `${[toldTo, offline, outage, soon]} ms`);
  assert.ok(asked >= 7_900 && later < 7_500, `${asked} ms, ${later} ms`);
});

test('polling begins after 5 s if the provider does not say how often it wants to be asked', async () => {
  await using scene = await openScene();
  scene.authority.fail('devicecode', { type: 'response', change: (body) => ({ ...body, interval: undefined }) });
  await scene.handler().signIn({
    method: 'device',
    onDeviceCode: ({ userCode, verificationUri }) => approveDevice(verificationUri, userCode),
  });
  const [code, token] = scene.authority.requests.filter(({ endpoint }) => /^(devicecode|token)$/.test(`${endpoint}`));
  assert.ok((token?.at ?? 0) - (code?.at ?? 0) >= 4_900);
});

test.run();
