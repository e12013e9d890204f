import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene, rejection, type Scene } from '../test/scene.ts';

/** How many processes are killed, each in the midst of refreshing again and again. */
const kills = Number(process.env.KILLS ?? 1000);
const workers = 4;
/** Milliseconds after its first token within which a process is killed: several refreshes long. */
const killWithin = 60;

async function killOne(scene: Scene, appName: string): Promise<void> {
  const started = await scene.start('../test-long/refresh-forever.ts', [scene.optionsFor({ appName })]);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * killWithin));
  started.kill();
  await started.untilEnded();
}

function assertUndamaged({ dbFilepath }: Scene): void {
  const database = new Database(dbFilepath);
  assert.is(database.pragma('integrity_check', { simple: true }), 'ok');
  database.close();
}

test(`${kills} kills at random moments of refreshing lose no sign-in while the provider accepts the old token`, async () => {
  // What Microsoft does for personal accounts: a spent refresh token stays good for a while.
  await using scene = await openScene({ reuseGrace: 600_000 });
  let left = kills;
  const worker = async (_: unknown, index: number): Promise<void> => {
    const appName = `app ${index}`;
    await scene.signedIn({ appName });
    // Each process begins with a refresh, so one that can't go on ends the test.
    while (left-- > 0) await killOne(scene, appName);
    await scene.handler({ appName, interactive: false }).getToken({ forceRefresh: true });
  };
  await Promise.all(Array.from({ length: workers }, worker));
  assertUndamaged(scene);
  assert.is(scene.windows.length, workers);
  const refreshes = scene.authority.count('token', 'refresh_token');
  assert.ok(refreshes > kills, `${refreshes} refreshes`);
  console.log(`measured: ${kills} kills in the midst of ${refreshes} refreshes, no sign-in lost`);
});

test('where the provider revokes at once, a kill between its answer and our write ends in SIGN_IN_REQUIRED, and no other does', async () => {
  const rounds = Math.max(20, Math.round(kills / 10));
  let lost = 0;
  await using scene = await openScene();
  for (let round = 0; round < rounds; round++) {
    const appName = `app ${round}`;
    await scene.signedIn({ appName });
    await killOne(scene, appName);
    assertUndamaged(scene);
    const outcome = await scene
      .handler({ appName, interactive: false })
      .getToken({ forceRefresh: true })
      .catch((error: unknown) => error);
    if (typeof outcome === 'string') continue;
    lost++;
    assert.is((await rejection(Promise.reject(outcome))).code, 'SIGN_IN_REQUIRED');
  }
  console.log(`measured: the unavoidable window was met by ${lost} of ${rounds} kills`);
});

test.run();
