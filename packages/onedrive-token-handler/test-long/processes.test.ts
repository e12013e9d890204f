// Takes about 12 s.
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { OneDriveTokenHandlerOptions } from '../src/index.ts';
import { openScene, type Scene } from '../test/scene.ts';

const script = fileURLToPath(new URL('../test/get-token-process.ts', import.meta.url));

/** What one call in one process got, or that its process opened a browser window. */
interface Outcome {
  token?: string;
  code?: string;
  window?: boolean;
}

/** Starts `processes` processes at once. Each makes `calls` calls, within a minute. Resolves with the outcome of every call. */
async function askProcesses(
  scene: Scene,
  processes: number,
  calls: number,
  changes?: Partial<OneDriveTokenHandlerOptions>,
): Promise<Outcome[]> {
  const args = [script, scene.optionsFor(changes), String(calls)];
  const ended = await Promise.all(Array.from({ length: processes }, () => scene.run(args, {}, 60_000)));
  for (const { status, signal, stderr } of ended) assert.is(status, 0, `${signal} ${stderr}`);
  return ended.flatMap(({ stdout }) =>
    stdout
      .trim()
      .split('\n')
      .map((line): Outcome => JSON.parse(line)),
  );
}

test('32 processes with 32 calls each at expiry make one refresh, and all get the same token', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const outcomes = await askProcesses(scene, 32, 32);
  assert.is(outcomes.length, 32 * 32);
  assert.is(new Set(outcomes.map(({ token }) => token)).size, 1);
  assert.ok(outcomes[0]?.token);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test('6 processes without a sign-in open one browser window, and all get its token', async () => {
  await using scene = await openScene();
  const outcomes = await askProcesses(scene, 6, 2, { interactive: true });
  assert.is(outcomes.filter(({ window }) => window).length, 1);
  const tokens = outcomes.filter(({ window }) => !window).map(({ token }) => token);
  assert.is(tokens.length, 12);
  assert.is(new Set(tokens).size, 1);
  assert.ok(tokens[0]);
});

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
