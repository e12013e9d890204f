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

/** Starts `processes` processes at once. Each makes `calls` calls, within a minute. Resolves with the outcome of every call. */
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
 * Starts `processes` processes, which make two calls each, and resolves when every one of them waits for a lock. The result is
 * a function that waits for their end, at most 30 s for each, and resolves with the outcome of every call.
 */
export async function startWaiters(
  scene: Scene,
  processes: number,
  changes?: Partial<OneDriveTokenHandlerOptions>,
): Promise<() => Promise<Outcome[]>> {
  const options = { until: ': waiting {', env: { NODE_DEBUG: 'onedrive-token-handler' } };
  // Long enough for the first one to wait until the last one has started.
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
