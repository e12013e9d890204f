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
  const lines = ended.flatMap(({ stdout }) => stdout.trim().split('\n'));
  return lines.map((line): Outcome => JSON.parse(line));
}
