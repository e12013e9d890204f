import { setTimeout as sleep } from 'node:timers/promises';
import { signInAs } from 'testing-authority';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertUndamaged } from '../test/assert-undamaged.ts';
import type { Started } from '../test/node-process.ts';
import { openScene, rejection, type Scene } from '../test/scene.ts';
import { untilTrue } from '../test/until-true.ts';

/** How many processes are killed in all, each in the midst of refreshing, or of signing in, again and again. */
const kills = Number(process.env.KILLS ?? 1000);
const relayKills = Math.round(kills * 0.1);
const windowKills = Math.round(kills * 0.1);
const refreshKills = Math.round(kills * 0.4);
const signInKills = kills - relayKills - windowKills - refreshKills;
// What Microsoft does for personal accounts: a spent refresh token stays good for a while.
const forgiving = { reuseGrace: 600_000 };
/** Milliseconds within which a process that refreshes is killed: several refreshes long. */
const killWithin = 60;
const identified = ['Files.Read', 'openid', 'profile'];

test(`${refreshKills} kills at random moments of refreshing lose no sign-in while the provider accepts the old token`, async () => {
  await using scene = await openScene(forgiving);
  await sideBySide(4, refreshKills, async (appName, isLast) => {
    await scene.signedIn({ appName });
    // Each process begins with a refresh, so one that can't go on ends the test.
    do await killRefreshing(await startRefreshing(scene, appName));
    while (!isLast());
    await scene.handler({ appName, interactive: false }).getToken({ forceRefresh: true });
  });
  assertUndamaged(scene);
  const refreshes = scene.authority.count('token', 'refresh_token');
  assert.ok(refreshes > refreshKills, `${refreshes} refreshes`);
  report(`${refreshKills} kills in the midst of ${refreshes} refreshes, no sign-in lost`);
});

test(`${relayKills} kills at random moments of two processes that refresh in turn: the other one always goes on`, async () => {
  await using scene = await openScene(forgiving);
  await sideBySide(2, relayKills, async (appName, isLast) => {
    await scene.signedIn({ appName });
    let next = await startRefreshing(scene, appName);
    do {
      const process = next;
      next = await startRefreshing(scene, appName);
      await killRefreshing(process);
      const { length } = next.said();
      await untilTrue(() => next.said().length > length);
    } while (!isLast());
    await killRefreshing(next);
    await scene.handler({ appName, interactive: false }).getToken({ forceRefresh: true });
  });
  assertUndamaged(scene);
});

test(`${signInKills} kills at random moments of signing in lose neither the earlier sign-in nor one that was told of`, async () => {
  // It revokes at once, so that a refresh token which comes back from the dead would show.
  await using scene = await openScene();
  let [told, untold] = [0, 0];
  await sideBySide(4, signInKills, async (appName, isLast) => {
    await scene.signedIn({ appName, scopes: identified });
    const handler = scene.handler({ appName, scopes: identified, interactive: false });
    let before = (await handler.status()).account?.username;
    let within = 300;
    do {
      const said = await killSigningIn(scene, appName, Math.random() * within);
      // As long as about a third of them get to an end, however fast this machine is just now.
      within *= said.length > 0 ? 0.9 : 1.05;
      const { account } = await handler.status();
      const [last = before] = said.slice(-1);
      const { username } = account ?? {};
      if (username !== last) {
        untold++;
        assert.is(username, `person-${said.pid}-${said.length}@example.com`, 'or else the next one');
      }
      told += said.length;
      before = username;
      await handler.getToken({ forceRefresh: true });
    } while (!isLast());
  });
  assertUndamaged(scene);
  const redeemed = scene.authority.count('token', 'authorization_code');
  assert.ok(told > 0 && redeemed > told, `${told} of ${redeemed} sign-ins were told of`);
  report(
    `${signInKills} kills in the midst of ${scene.windows.length} sign-ins, ${redeemed} with a code, ${told} told of, ${untold} stored untold; none lost`,
  );
});

test(`${windowKills} kills with a provider that revokes at once end in SIGN_IN_REQUIRED only between its answer and our write`, async () => {
  const inWindow = async (): Promise<number> => {
    let lost = 0;
    await using scene = await openScene();
    for (let left = windowKills / 2; left > 0; left--) if (await killedInWindow(scene)) lost++;
    assertUndamaged(scene);
    return lost;
  };
  const [one, two] = await Promise.all([inWindow(), inWindow()]);
  report(
    `the unavoidable window was met by ${one + two} of ${windowKills} kills of processes that refresh all the time`,
  );
});

/** Kills a process that refreshes, and says whether that cost the sign-in. Fails if it did without a reason. */
async function killedInWindow(scene: Scene): Promise<boolean> {
  const { authority, dbFilepath } = scene;
  await scene.signedIn();
  await killRefreshing(await startRefreshing(scene, 'my-app'));
  await untilTrue(() => authority.requests.every(({ status }) => status !== undefined));
  using store = openTokenStore(dbFilepath);
  const record = store.get('my-app');
  const issued = [...authority.issuedSecrets];
  const [newest] = issued.slice(-1);
  const isNewest = newest === record?.refreshToken || newest === record?.accessToken;
  const next = scene.handler({ interactive: false }).getToken({ forceRefresh: true });
  if (isNewest) await next;
  else assert.is((await rejection(next)).code, 'SIGN_IN_REQUIRED');
  return !isNewest;
}

/** Runs `workers` with an app name each until `kills` have been made by all together: they ask after each one. */
async function sideBySide(
  workers: number,
  kills: number,
  work: (appName: string, isLast: () => boolean) => Promise<void>,
): Promise<void> {
  let left = kills;
  const isLast = (): boolean => --left < workers;
  await Promise.all(Array.from({ length: workers }, (_, index) => work(`app ${index}`, isLast)));
}

function startRefreshing(scene: Scene, appName: string): Promise<Started> {
  return scene.start('../test-long/refresh-forever.ts', [scene.optionsFor({ appName })]);
}

async function killRefreshing(process: Started): Promise<void> {
  await sleep(Math.random() * killWithin);
  await kill(process);
}

/** Kills a process `after` milliseconds of signing in, and gives the names it told of. */
async function killSigningIn(scene: Scene, appName: string, after: number): Promise<string[] & { pid: number }> {
  const options = scene.optionsFor({ appName, scopes: identified, interactive: true });
  const process = await scene.start('../test-long/sign-in-forever.ts', [options], { until: '\n' });
  const end = performance.now() + after;
  const lines = (): string[] => process.said().split('\n').slice(0, -1);
  for (let read = 0; performance.now() < end; await sleep(1)) {
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
    // The page at the end is the process's, which may be gone by then.
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
