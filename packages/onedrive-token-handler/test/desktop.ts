import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Started } from 'testing-authority/node-process';
import { test } from 'uvu';
import type { Scene } from './scene.ts';

const isLinux = process.platform === 'linux';
if (!isLinux) console.log('skipped: the browser of the desktop is tested on Linux only');
export const onLinux = isLinux ? test : test.skip;

/** Starts a process that needs a token, and resolves when it has asked for a browser window. */
export function start(scene: Scene, env: NodeJS.ProcessEnv): Promise<Started> {
  const options = scene.optionsFor({ interactive: true });
  return scene.start('./print-events.ts', [options], { until: 'authorization-url', env });
}

/** The environment of a desktop whose browser is this shell script. */
export function desktop({ folder }: Scene, browser: string): NodeJS.ProcessEnv {
  const programs = join(folder, 'programs');
  mkdirSync(programs);
  writeFileSync(join(programs, 'kde-open5'), `#!/bin/sh\n${browser}\n`, { mode: 0o755 });
  const path = [programs, process.env.PATH].join(':');
  return { PATH: path, DISPLAY: ':99', XDG_CURRENT_DESKTOP: 'KDE', KDE_SESSION_VERSION: '5' };
}

interface Seen {
  type: string;
  url: string;
  error: string;
}

/** What it has printed so far. */
export function events({ said }: Started): Seen[] {
  const lines = said().split('\n').slice(0, -1);
  return lines.map((line): Seen => JSON.parse(line));
}
