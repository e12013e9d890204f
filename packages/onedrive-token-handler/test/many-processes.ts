import * as assert from 'uvu/assert';
import { askProcesses } from './ask-processes.ts';
import { openScene } from './scene.ts';

/** So many processes with 32 calls each, whose token has expired. */
export async function assertOneRefresh(processes: number): Promise<void> {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const outcomes = await askProcesses(scene, processes, 32);
  assert.is(outcomes.length, processes * 32);
  assert.is(new Set(outcomes.map(({ token }) => token)).size, 1);
  assert.ok(outcomes[0]?.token);
  assert.is(scene.authority.count('token', 'refresh_token'), 1);
}

/** So many processes that find no sign-in, and may ask the person. */
export async function assertOneWindow(processes: number): Promise<void> {
  await using scene = await openScene();
  const outcomes = await askProcesses(scene, processes, 2, { interactive: true });
  assert.is(outcomes.filter(({ window }) => window).length, 1);
  const tokens = outcomes.filter(({ window }) => !window).map(({ token }) => token);
  assert.is(tokens.length, processes * 2);
  assert.is(new Set(tokens).size, 1);
  assert.ok(tokens[0]);
}
