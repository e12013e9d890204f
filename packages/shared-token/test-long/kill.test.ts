// Takes about 25 s.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createRefresh } from '../examples/fetch.ts';
import { NodeProcess } from '../test/node-process.ts';
import { temporaryDirectory } from '../test/temporary-directory.ts';
import { untilTrue } from '../test/within.ts';
import { startMicrosoft, type TestProvider } from './providers/test-provider.ts';

/** `SEED=… KILLS=… node ../../scripts/suite.ts --long kill` kills at the same moments again. */
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
const kills = Number(process.env.KILLS ?? 100);
/** Sign-ins that are worked on at the same time, each by two processes. */
const signIns = 2;
/** A process is killed within this time, which is several refreshes long. */
const killWithinMs = 60;
/** A machine that is busy with other tests must not make this one fail. */
const patienceMs = 60_000;

const script = new URL('./refresh-forever.ts', import.meta.url);

test(`${kills} kills at random moments of refreshing lose no sign-in while the provider accepts the old token`, async () => {
  console.log(`\nmeasured: SEED=${seed}`);
  await using provider = await startMicrosoft({ reuseGrace: 600_000 });
  using directory = temporaryDirectory();
  const file = join(directory.path, 'tokens.db');
  await Promise.all(
    Array.from({ length: signIns }, (_, index) => killAgainAndAgain(provider, file, `app ${index}`, seed + index)),
  );
  const refreshes = provider.refreshes();
  assert.ok(refreshes > kills, `${refreshes} refreshes`);
  console.log(`\nmeasured: ${kills} kills within ${refreshes} refreshes, no sign-in lost`);
});

/** Of two processes that refresh one sign-in in turn, one is killed, and the other has to go on; again and again. */
async function killAgainAndAgain(provider: TestProvider, file: string, name: string, seed: number): Promise<void> {
  const { tokenEndpoint, clientId } = provider.settings;
  const random = randomNumbers(seed);
  using store = openTokenStore(file);
  await using shared = new SharedToken({ store, name, clientId, refresh: createRefresh(tokenEndpoint, clientId) });
  await shared.signIn({ signIn: () => provider.signIn() });
  const start = async (): Promise<NodeProcess> => {
    const started = new NodeProcess(script, [JSON.stringify({ tokenEndpoint, clientId, file, name })]);
    // It begins with a refresh, so one that cannot go on ends the test.
    await started.until('ready');
    return started;
  };
  let process = await start();
  for (let kill = 0; kill < kills / signIns; kill++) {
    const next = await start();
    // Both wait until now: a process takes longer to start than to refresh many times.
    const earlier = process.lines.length;
    for (const one of [process, next]) one.tell('go');
    await untilTrue(() => process.lines.length > earlier || process.hasEnded, patienceMs);
    await sleep(random() * killWithinMs);
    if (process.hasEnded) await process.ended();
    await process.kill();
    const refreshes = next.lines.length;
    await untilTrue(() => next.lines.length > refreshes || next.hasEnded, patienceMs);
    next.tell('wait');
    process = next;
  }
  await process.kill();
  assert.ok(await shared.getToken({ forceRefresh: true }));
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test.run();
