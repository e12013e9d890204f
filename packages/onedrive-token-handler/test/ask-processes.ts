import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { OneDriveTokenHandlerOptions } from '../src/index.ts';
import type { Scene } from './scene.ts';

const script = fileURLToPath(new URL('./get-token-process.ts', import.meta.url));

/** What one call in one process got, or that its process opened a browser window. */
export interface Outcome {
  token?: string;
  code?: string;
  window?: boolean;
}

/** Starts `processes` at once, each asking `calls` times, and gathers what they got. Each has a minute. */
export async function askProcesses(
  scene: Scene,
  processes: number,
  calls: number,
  changes?: Partial<OneDriveTokenHandlerOptions>,
): Promise<Outcome[]> {
  const args = [script, scene.optionsFor(changes), String(calls)];
  const ended = await Promise.all(Array.from({ length: processes }, () => scene.run(args, {}, 60_000)));
  for (const { status, signal, stderr } of ended) assert.is(status, 0, `${signal} ${stderr}`);
  return ended.flatMap(({ stdout }) => readOutcomes(stdout));
}

/**
 * Starts `processes` that each ask twice, and resolves when every one of them waits for a lock that is held: with a
 * function that gathers what they got; each has to end within 30 s.
 */
export async function startWaiters(
  scene: Scene,
  processes: number,
  changes?: Partial<OneDriveTokenHandlerOptions>,
): Promise<() => Promise<Outcome[]>> {
  const options = { until: ': waiting {', env: { NODE_DEBUG: 'onedrive-token-handler' } };
  // The first one waits until the last one has started.
  const patient = scene.optionsFor({ requestTimeout: 60_000, ...changes });
  const start = () => scene.start('./get-token-process.ts', [patient, '2'], options);
  const waiters = await Promise.all(Array.from({ length: processes }, start));
  return async () => {
    await Promise.all(waiters.map((waiter) => waiter.untilEnded()));
    return waiters.flatMap((waiter) => readOutcomes(waiter.said()));
  };
}

function readOutcomes(lines: string): Outcome[] {
  return lines
    .trim()
    .split('\n')
    .map((line): Outcome => JSON.parse(line));
}
