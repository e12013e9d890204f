import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene, type Scene } from './scene.ts';

const script = fileURLToPath(new URL('./get-token-process.ts', import.meta.url));

interface Outcome {
  token?: string;
  code?: string;
  window?: boolean;
}

/** Starts `processes` at once, each asking `calls` times, and gathers what they got. */
async function ask(scene: Scene, processes: number, calls: number, options: object = {}): Promise<Outcome[]> {
  const { authority, dbFilepath } = scene;
  const given = {
    appName: 'my-app',
    clientId: authority.clientId,
    scopes: ['Files.ReadWrite.All'],
    authority: authority.url,
    dbFilepath,
    ...options,
  };
  const ended = await Promise.all(
    Array.from({ length: processes }, () => scene.run([script, JSON.stringify(given), String(calls)])),
  );
  for (const { status, signal, stderr } of ended) assert.is(status, 0, `${signal} ${stderr}`);
  return ended.flatMap(({ stdout }) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Outcome),
  );
}

test('8 processes with 32 calls each at expiry make one refresh, and all get the same token', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const outcomes = await ask(scene, 8, 32, { interactive: false });
  assert.is(outcomes.length, 256);
  assert.is(new Set(outcomes.map(({ token }) => token)).size, 1);
  assert.ok(outcomes[0]?.token);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
});

test('6 processes without a sign-in open one browser window, and all get its token', async () => {
  await using scene = await openScene();
  const outcomes = await ask(scene, 6, 2);
  assert.is(outcomes.filter(({ window }) => window).length, 1);
  const tokens = outcomes.filter(({ window }) => !window).map(({ token }) => token);
  assert.is(tokens.length, 12);
  assert.is(new Set(tokens).size, 1);
  assert.ok(tokens[0]);
});

test.run();
