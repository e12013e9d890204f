// Takes about 40 s.
import { setTimeout as delay } from 'node:timers/promises';
import { randomFrom } from 'testing-authority/random-from';
import * as assert from 'uvu/assert';
import { startMember } from '../test/fleet.ts';
import { startScene } from '../test/scene.ts';
import type { Program } from '../test/start-program.ts';
import { StrictProvider } from '../test/strict-provider.ts';

const { scene, test } = await startScene();

const seed = Number(process.env.KILLS_SEED ?? Math.floor(Math.random() * 1_000_000));
/** `DISTURBANCES=500` looks longer. */
const disturbances = Number(process.env.DISTURBANCES ?? 200);
/** A busy machine must not keep a process that was not disturbed waiting for so long. */
const leaseTime = 3_000;
/** One of five disturbances is a kill: a new process has to be started then. */
const killShare = 0.2;
/** How many of the stops may be longer than the lease. */
const longStopShare = 0.05;
/** How long an answer waits for the next disturbance, if there have been enough refreshes. It is shorter than the lease. */
const answerHeldMs = 1_000;

test(`${disturbances} kills and stops at random moments: a refresh token is used twice only if its process was disturbed in the middle`, async () => {
  console.log(`measured: KILLS_SEED=${seed}`);
  await using provider = await StrictProvider.start();
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const next = randomFrom(seed);
  const target = { schema, connectionString: scene.cluster.connectionString(), leaseTime };
  /** By pid: from when to when it was stopped; a killed one for ever. */
  const disturbed = new Map<string, { from: number; to: number }[]>();
  const wasDisturbedSince = (pid: string, time: number): boolean =>
    disturbed.get(pid)?.some(({ to }) => to >= time) ?? false;
  const unexplained: [sender: string, spender: string, when: string][] = [];
  const explained = { 'before its write': 0, 'before its request': 0 };
  let done = 0;
  let disturbs: Promise<unknown> = Promise.resolve();
  provider.beforeAnswer = async () => {
    // While a process starts, or is stopped for long, refreshes cost much, and what they show has been shown.
    if (provider.count('refresh') > done) await Promise.race([disturbs, delay(answerHeldMs)]);
    await delay(next() * 20);
  };
  /** Waits for something that takes long, with few refreshes meanwhile. */
  const calmly = <T>(wait: Promise<T>): Promise<T> => {
    disturbs = wait;
    return wait;
  };
  provider.onReuse = (sender, first) => {
    const isRecent = (pid: string, time: number): boolean => wasDisturbedSince(pid, time - leaseTime);
    // The one that had spent it was disturbed before it could store what it got.
    if (wasDisturbedSince(first.sender, first.at)) explained['before its write']++;
    // One of the two was disturbed between its look at the lease and its request.
    else if (isRecent(sender, performance.now()) || isRecent(first.sender, first.at)) explained['before its request']++;
    else
      unexplained.push([
        sender,
        first.sender,
        `${new Date().toISOString()}, spent ${Math.round(performance.now() - first.at)} ms before`,
      ]);
  };
  const signIn = (): Promise<void> =>
    store.set('app', { refreshToken: provider.signIn(), accessToken: 'old', expiresAt: 0 });
  await signIn();
  const started = new Map<string, Program>();
  const start = async (): Promise<Program> => {
    const member = await startMember({ store: target, provider, refreshTimeout: 3_000 });
    member.tell('turns Infinity');
    started.set(String(member.pid), member);
    return member;
  };
  const members = await Promise.all(Array.from({ length: 5 }, start));
  for (; done < disturbances; done++) {
    await delay(next() * 60);
    const index = Math.floor(next() * members.length);
    const victim = members[index];
    if (!victim) continue;
    const pid = String(victim.pid);
    const disturbance = { from: performance.now(), to: Number.POSITIVE_INFINITY };
    disturbed.set(pid, [...(disturbed.get(pid) ?? []), disturbance]);
    if (next() < killShare) {
      victim.kill();
      members[index] = await calmly(start());
    } else {
      victim.kill('SIGSTOP');
      const length = next() * leaseTime;
      await (next() < longStopShare ? calmly(delay(length * 1.8)) : delay(length * 0.04));
      victim.kill('SIGCONT');
      disturbance.to = performance.now();
    }
    if (!provider.isSignedIn) await signIn();
  }
  for (const member of members) member.kill();
  await Promise.all(members.map((member) => member.ended));
  const refreshes = provider.count('refresh');
  console.log(
    `measured: ${refreshes} refreshes, ${disturbances} kills and stops, a token used twice ${explained['before its write']} times after one between answer and write, ${explained['before its request']} times after one between look and request`,
  );
  for (const [sender, spender, when] of unexplained) {
    console.log(`${when}: ${sender} sent what ${spender} had spent`);
    for (const pid of [sender, spender]) console.log(`${pid} said:\n${(await started.get(pid)?.ended)?.errors}`);
  }
  assert.equal(unexplained, [], `KILLS_SEED=${seed}`);
  assert.ok(refreshes > disturbances / 2, `only ${refreshes} refreshes`);
  // Nothing is left behind: the next process works as soon as the last lease has ended.
  await signIn();
  const last = await startMember({ store: target, provider });
  last.tell('get');
  assert.match((await last.line()) ?? '', /^access-token-/);
  last.kill();
  assert.is(await scene.cluster.query(`SELECT count(*) FROM ${schema}.oauth_token`), '1');
});

test.run();
