import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Outcome, startWaiters } from './ask-processes.ts';
import { assertUndamaged } from './assert-undamaged.ts';
import type { Started } from './node-process.ts';
import { openScene, type Scene } from './scene.ts';
import { untilTrue } from './until-true.ts';

interface Phase {
  name: string;
  /** Where the process stops: see stopping-process.ts. `never`: it waits for the person or the provider. */
  moment: 'sign-in-started' | 'never' | 'write' | 'written';
  /** Whether the person has signed in, so that the code is at the provider. */
  answered: boolean;
  /** How many browser windows the waiting processes open. */
  windows: number;
}

const phases: Phase[] = [
  { name: 'before it opens a browser', moment: 'sign-in-started', answered: false, windows: 1 },
  { name: 'while it waits for the person', moment: 'never', answered: false, windows: 1 },
  { name: 'while its code is redeemed', moment: 'never', answered: true, windows: 1 },
  { name: 'after its tokens arrived, before the write', moment: 'write', answered: true, windows: 1 },
  { name: 'after the write, before a caller has the token', moment: 'written', answered: true, windows: 0 },
];

const earlier = { scopes: ['Files.Read'] };
const wanted = { scopes: ['User.Read'], interactive: true };

/** Tests that kill a process in each phase of a sign-in for more scopes, while `waiters` others wait for it. */
export function testKilledWhileSigningIn(waiters: number): void {
  for (const phase of phases) {
    test(`killed ${phase.name}, with ${waiters} processes waiting: the earlier sign-in still works, and the next process signs in`, async () => {
      await using scene = await openScene();
      const { authority } = scene;
      await scene.signedIn(earlier);
      const code = Promise.withResolvers<void>();
      if (phase.answered) {
        authority.fail('token', { type: 'held', until: code.promise }, { grantType: 'authorization_code' });
      }
      const process = await startSigningIn(scene, phase);
      const gather = await startWaiters(scene, waiters, wanted);
      // The next window gets no page until this test has checked the earlier sign-in.
      const page = Promise.withResolvers<void>();
      authority.fail('authorize', { type: 'held', until: page.promise });
      if (phase.moment === 'write' || phase.moment === 'written') code.resolve();
      await untilTrue(() => process.said().includes('ready'));
      assert.not(process.ended());
      process.kill();
      await process.untilEnded();
      assert.not.match(process.said(), 'got a token');

      const outcomes = gather();
      // If its tokens are stored, the waiting processes get them at once: the refresh below must come after that.
      if (phase.windows === 0) await outcomes;
      assertUndamaged(scene);
      const known = scene.handler({ ...earlier, interactive: false });
      assert.ok(await known.getToken({ forceRefresh: true }), 'a provider that revokes at once still takes it');
      const { scopes } = await known.status();
      assert.is(scopes.includes('User.Read'), phase.moment === 'written', 'of the killed sign-in');

      page.resolve();
      assertOneSignIn(await outcomes, phase.windows);
      code.resolve();
      await scene.handler({ ...wanted, interactive: false }).getToken({ forceRefresh: true });
    });
  }
}

/** Starts a process that signs in, and lets it run to the point at which it is killed, or until its code is at the provider. */
async function startSigningIn(scene: Scene, { moment, answered }: Phase): Promise<Started> {
  const until = moment === 'sign-in-started' ? 'ready' : '"window"';
  const process = await scene.start('./stopping-process.ts', [scene.optionsFor(wanted), moment], { until });
  if (!answered) return process;
  const [line = ''] = /^\{"window".*$/m.exec(process.said()) ?? [];
  // This fails, because the page that shows the outcome is gone with the process.
  signInAs(JSON.parse(line).window).catch(() => {});
  await untilTrue(() => scene.authority.count('token', 'authorization_code') === 2);
  return process;
}

function assertOneSignIn(outcomes: readonly Outcome[], windows: number): void {
  assert.is(outcomes.filter(({ window }) => window).length, windows);
  const tokens = outcomes.filter(({ window }) => !window).map(({ token }) => token);
  assert.is(new Set(tokens).size, 1);
  assert.ok(tokens[0]);
}
