import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { askProcesses, type Outcome, startWaiters } from './ask-processes.ts';
import { assertUndamaged } from './assert-undamaged.ts';
import { openScene, rejection, type Scene } from './scene.ts';
import { untilTrue } from './until-true.ts';

interface Phase {
  name: string;
  /** Where the process stops: see stopping-process.ts. `never`: it waits for the provider. */
  moment: 'refresh-started' | 'never' | 'write' | 'written';
  /** How many refreshes reach the provider in all. */
  requests: number;
  /** Whether the provider has to accept a spent refresh token for a while, as Microsoft does. Default: it revokes at once. */
  forgiving?: boolean;
  /** Whether the provider handles the request of the killed process in the end, after the others are done. */
  goesOn?: boolean;
}

const beforeTheWrite: Phase = {
  name: 'after its response arrived, before the write',
  moment: 'write',
  requests: 2,
  forgiving: true,
};
const phases: Phase[] = [
  { name: 'before it sends its request', moment: 'refresh-started', requests: 1 },
  { name: 'after it sent its request, which the provider never handles', moment: 'never', requests: 2 },
  {
    name: 'after it sent its request, which the provider handles later',
    moment: 'never',
    requests: 2,
    forgiving: true,
    goesOn: true,
  },
  beforeTheWrite,
  { name: 'after the write, before a caller has the token', moment: 'written', requests: 1 },
];

/** Tests that kill a refreshing process in each phase, while `waiters` other processes wait for its lock. */
export function testKilledWhileRefreshing(waiters: number): void {
  const waiting = `with ${waiters} processes waiting`;

  for (const { name, moment, requests, forgiving, goesOn } of phases) {
    const provider = forgiving
      ? 'a provider that accepts the old token for a while'
      : 'a provider that revokes at once';
    test(`killed ${name}, ${waiting}: all get one token from ${provider}`, async () => {
      await using scene = await openScene({ reuseGrace: forgiving ? 60_000 : 0 });
      await using killed = await killRefresher(scene, moment, waiters);
      await assertOneToken(scene, killed.outcomes);
      assert.is(scene.authority.count('token', 'refresh_token'), requests);
      if (goesOn) await killed.providerGoesOn();
      await scene.handler({ interactive: false }).getToken({ forceRefresh: true });
    });
  }

  test(`killed ${beforeTheWrite.name}, ${waiting}: SIGN_IN_REQUIRED for all if the provider revokes at once, and a sign-in helps`, async () => {
    await using scene = await openScene();
    await using killed = await killRefresher(scene, beforeTheWrite.moment, waiters);
    assert.equal([...new Set(killed.outcomes.map(({ code }) => code))], ['SIGN_IN_REQUIRED']);
    const handler = scene.handler();
    const error = await rejection(handler.getToken({ interactive: false }));
    assert.is(error.code, 'SIGN_IN_REQUIRED');
    assert.is(error.error, 'invalid_grant');
    assert.not(error.retryable);
    assert.match(error.message, /^A new sign-in is needed .* Call signIn\(\)\.$/);
    assert.ok((await handler.status()).signedIn, 'the record is kept until the next sign-in');
    await handler.signIn();
    await assertOneToken(scene, await askProcesses(scene, 2, 1));
    await scene.handler({ interactive: false }).getToken({ forceRefresh: true });
    assert.is(scene.windows.length, 2);
  });
}

interface Killed extends AsyncDisposable {
  /** What the processes that waited for the killed one got. */
  readonly outcomes: readonly Outcome[];
  /** Lets the provider handle the request of the killed process, if it has not yet. */
  providerGoesOn(): Promise<void>;
}

/** Kills a process that refreshes, once `waiters` others wait for it. */
async function killRefresher(scene: Scene, moment: Phase['moment'], waiters: number): Promise<Killed> {
  const { authority } = scene;
  const refreshes = () => authority.requests.filter(({ grantType }) => grantType === 'refresh_token');
  await scene.signedIn();
  await scene.tokenExpires();
  const gate = Promise.withResolvers<void>();
  authority.fail('token', { type: 'held', until: gate.promise }, { grantType: 'refresh_token' });
  const stopped = scene.start('./stopping-process.ts', [scene.optionsFor(), moment]);
  if (moment === 'refresh-started') await stopped;
  else await untilTrue(() => refreshes().length === 1, 30_000);

  const gather = await startWaiters(scene, waiters);
  if (moment === 'refresh-started') authority.clearFaults();
  else if (moment !== 'never') gate.resolve();
  const refresher = await stopped;
  assert.not(refresher.ended());
  refresher.kill();
  const outcomes = await gather();
  await refresher.untilEnded();
  assert.not.match(refresher.said(), 'got a token');
  assert.is(outcomes.length, 2 * waiters);
  assertUndamaged(scene);
  const providerGoesOn = (): Promise<void> => {
    gate.resolve();
    return untilTrue(() => refreshes().every(({ status }) => status !== undefined));
  };
  return { outcomes, providerGoesOn, [Symbol.asyncDispose]: providerGoesOn };
}

async function assertOneToken(scene: Scene, outcomes: readonly Outcome[]): Promise<void> {
  const [token, ...others] = new Set(outcomes.map((outcome) => outcome.token));
  assert.equal(others, []);
  const me = await fetch(`${scene.authority.graphUrl}/me`, { headers: { authorization: `Bearer ${token}` } });
  assert.is(me.status, 200);
}
