// Takes about 25 s.
import { setTimeout as sleep } from 'node:timers/promises';
import { signInAs } from 'testing-authority';
import type { Started } from 'testing-authority/node-process';
import { until } from 'testing-authority/until';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertUndamaged } from '../test/assert-undamaged.ts';
import { openScene, rejection, type Scene } from '../test/scene.ts';

/**
 * How many processes are killed in all, each time at other moments; `KILLS=1000` looks longer. Each refreshes, or signs in, again and
 * again, until it is killed.
 */
const kills = Number(process.env.KILLS ?? 80);
const relayKills = Math.round(kills * 0.1);
const windowKills = Math.round(kills * 0.1);
const refreshKills = Math.round(kills * 0.4);
const signInKills = kills - relayKills - windowKills - refreshKills;
// As at Microsoft for personal accounts: a spent refresh token stays valid for a while.
const forgiving = { reuseGrace: 600_000 };
/** A process that refreshes is killed within this time. It adapts to the machine: long enough for some refreshes. */
let killWithinMs = 30;
const longestKillWithinMs = 250;
/** A machine that is busy with other tests must not make this one fail. */
const patienceMs = 60_000;
const patient = { requestTimeout: patienceMs, signInTimeout: patienceMs };
const identified = ['Files.Read', 'openid', 'profile'];

test(`${refreshKills} kills at random moments of refreshing lose no sign-in while the provider accepts the old token`, async () => {
  await using scene = await openScene(forgiving);
  await sideBySide(4, refreshKills, async (appName, isLast) => {
    await scene.signedIn({ ...patient, appName });
    // Each process begins with a refresh, so one that can't go on ends the test.
    do await killRefreshing(await startRefreshing(scene, appName));
    while (!isLast());
    await scene.handler({ ...patient, appName, interactive: false }).getToken({ forceRefresh: true });
  });
  assertUndamaged(scene);
  const refreshes = scene.authority.count('token', 'refresh_token');
  assert.ok(refreshes > refreshKills, `${refreshes} refreshes`);
  report(`${refreshKills} kills during ${refreshes} refreshes: no sign-in lost`);
});

test(`${relayKills} kills at random moments of two processes that refresh in turn: the other process always goes on`, async () => {
  await using scene = await openScene(forgiving);
  await sideBySide(2, relayKills, async (appName, isLast) => {
    await scene.signedIn({ ...patient, appName });
    // Each refreshes once, and then waits: to start the next one takes longer than many refreshes.
    let next = await startRefreshing(scene, appName, 'told');
    do {
      const process = next;
      next = await startRefreshing(scene, appName, 'told');
      for (const one of [process, next]) one.tell('go');
      await killRefreshing(process);
      const { length } = next.said();
      await until(() => next.said().length > length || next.ended(), patienceMs);
      next.tell('wait');
    } while (!isLast());
    next.tell('go');
    await killRefreshing(next);
    await scene.handler({ ...patient, appName, interactive: false }).getToken({ forceRefresh: true });
  });
  assertUndamaged(scene);
});

test(`${signInKills} kills at random moments of signing in lose neither the earlier sign-in nor one that was reported`, async () => {
  // This provider revokes at once, so the test would notice if an old refresh token came back.
  await using scene = await openScene();
  let [reported, unreported] = [0, 0];
  await sideBySide(4, signInKills, async (appName, isLast) => {
    await scene.signedIn({ ...patient, appName, scopes: identified });
    const handler = scene.handler({ ...patient, appName, scopes: identified, interactive: false });
    let before = (await handler.status()).account?.username;
    let within = 300;
    do {
      const said = await killSigningIn(scene, appName, Math.random() * within);
      // Adapts to the speed of the machine, so that about a third of the sign-ins are completed.
      within *= said.length > 0 ? 0.65 : 1.2;
      const { account } = await handler.status();
      const [last = before] = said.slice(-1);
      const { username } = account ?? {};
      if (username !== last) {
        unreported++;
        assert.is(username, `person-${said.pid}-${said.length}@example.com`, 'or the sign-in after it');
      }
      reported += said.length;
      before = username;
      await handler.getToken({ forceRefresh: true });
    } while (!isLast());
  });
  assertUndamaged(scene);
  const redeemed = scene.authority.count('token', 'authorization_code');
  assert.ok(reported > 0 && redeemed > reported, `${reported} of ${redeemed} sign-ins were reported`);
  report(
    `${signInKills} kills during ${scene.windows.length} sign-ins, of which ${redeemed} redeemed a code, ${reported} were reported, and ${unreported} were stored but not reported yet: none lost`,
  );
});

test(`${windowKills} kills with a provider that revokes at once end in SIGN_IN_REQUIRED only between its answer and our write`, async () => {
  const inWindow = async (): Promise<number> => {
    let lost = 0;
    await using scene = await openScene();
    let isSignedIn = false;
    for (let left = windowKills / 2; left > 0; left--) {
      if (!isSignedIn) await scene.signedIn(patient);
      isSignedIn = !(await killedInWindow(scene));
      if (!isSignedIn) lost++;
    }
    assertUndamaged(scene);
    return lost;
  };
  const [one, two] = await Promise.all([inWindow(), inWindow()]);
  report(
    `${one + two} of ${windowKills} kills, in processes that refresh all the time, hit the moment in which a loss cannot be avoided`,
  );
});

/** Kills a process that refreshes. True if the sign-in was lost. Fails if the loss could have been avoided. */
async function killedInWindow(scene: Scene): Promise<boolean> {
  const { authority, dbFilepath } = scene;
  await killRefreshing(await startRefreshing(scene, 'my-app'));
  await authority.untilDisconnected();
  using store = openTokenStore(dbFilepath);
  const record = store.get('my-app');
  const issued = [...authority.issuedSecrets];
  const [newest] = issued.slice(-1);
  const isNewest = newest === record?.refreshToken || newest === record?.accessToken;
  await using handler = scene.handler({ ...patient, interactive: false });
  const next = handler.getToken({ forceRefresh: true });
  if (isNewest) await next;
  else assert.is((await rejection(next)).code, 'SIGN_IN_REQUIRED');
  return !isNewest;
}

/** Runs `workers` workers, each with its own app name, until they have made `kills` kills together. A worker calls `isLast` after each kill. */
async function sideBySide(
  workers: number,
  kills: number,
  work: (appName: string, isLast: () => boolean) => Promise<void>,
): Promise<void> {
  let left = kills;
  const isLast = (): boolean => --left < workers;
  await Promise.all(Array.from({ length: workers }, (_, index) => work(`app ${index}`, isLast)));
}

function startRefreshing(scene: Scene, appName: string, ...told: string[]): Promise<Started> {
  return scene.start('../test-long/refresh-forever.ts', [scene.optionsFor({ appName }), ...told]);
}

async function killRefreshing(process: Started): Promise<void> {
  const before = process.said().length;
  await sleep(Math.random() * killWithinMs);
  await kill(process);
  const refreshes = (process.said().length - before) / 'ready\n'.length;
  // Adapts to the speed of the machine, so that one refresh is completed on average, and the kills meet all moments of the second.
  killWithinMs = Math.min(longestKillWithinMs, killWithinMs * (refreshes > 1 ? 0.9 : 1.05));
}

/** Kills a process after it has signed in again and again for `after` milliseconds. Returns the names that it reported. */
async function killSigningIn(scene: Scene, appName: string, after: number): Promise<string[] & { pid: number }> {
  const options = scene.optionsFor({ appName, scopes: identified, interactive: true });
  const process = await scene.start('../test-long/sign-in-forever.ts', [options], { until: '\n' });
  const end = performance.now() + after;
  const lines = (): string[] => process.said().split('\n').slice(0, -1);
  for (let read = 0; performance.now() < end; await sleep(Math.max(0, Math.min(5, end - performance.now())))) {
    for (const line of lines().slice(read)) if (line.startsWith('http')) browse(line);
    read = lines().length;
  }
  await kill(process);
  return Object.assign(
    lines().filter((line) => line.includes('@')),
    { pid: process.pid },
  );

  function browse(url: string): void {
    scene.windows.push(url);
    // This may fail, because the last page comes from the process, which may be gone by then.
    signInAs(url).catch(() => {});
  }
}

async function kill(process: Started): Promise<void> {
  assert.not(process.ended(), `ended by itself: ${process.warned()}`);
  process.kill();
  await process.untilEnded();
}

/** On a line of its own, so that the suite finds it. */
function report(measured: string): void {
  console.log(`\nmeasured: ${measured}`);
}

test.run();
