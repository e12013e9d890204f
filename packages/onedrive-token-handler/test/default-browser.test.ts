import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Started } from './node-process.ts';
import { openScene, type Scene } from './scene.ts';
import { untilTrue } from './until-true.ts';

const isLinux = process.platform === 'linux';
if (!isLinux) console.log('skipped: the browser of the desktop is tested on Linux only');
const onLinux = isLinux ? test : test.skip;

/** Starts a process that needs a token, and resolves when it has asked for a browser window. */
function start(scene: Scene, env: NodeJS.ProcessEnv): Promise<Started> {
  const options = scene.optionsFor({ interactive: true });
  return scene.start('./print-events.ts', [options], { until: 'authorization-url', env });
}

/** The environment of a desktop whose browser is this shell script. */
function desktop({ folder }: Scene, browser: string): NodeJS.ProcessEnv {
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

function events({ said }: Started): Seen[] {
  const lines = said().split('\n').slice(0, -1);
  return lines.map((line): Seen => JSON.parse(line));
}

onLinux(
  "the desktop's browser gets the address as its only argument, and nothing of ours in its environment",
  async () => {
    await using scene = await openScene();
    const seen = join(scene.folder, 'seen');
    const env = desktop(
      scene,
      `{ printf '%s\\0' $# "$@"; cat /proc/$$/environ; } >${seen}.new && mv ${seen}.new ${seen}`,
    );
    const child = await start(scene, env);
    await untilTrue(() => existsSync(seen));
    const [count, url = '', ...environment] = readFileSync(seen, 'utf8').split('\0').filter(Boolean);
    assert.is(count, '1');
    assert.is(url, events(child).find(({ type }) => type === 'authorization-url')?.url);
    const ofTheTests = { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE, ...env };
    const given = new Set(Object.entries(ofTheTests).map(([name, value]) => `${name}=${value}`));
    const ofTheShell = /^(PWD|OLDPWD|SHLVL|_)=/;
    assert.equal(
      environment.filter((entry) => !given.has(entry) && !ofTheShell.test(entry)),
      [],
    );
    await signInAs(url);
    await child.untilEnded();
    assert.ok(events(child).some(({ type }) => type === 'signed-in'));
  },
);

onLinux(
  "if the desktop's browser does not start, an event says so, and the sign-in waits for the shown address",
  async () => {
    await using scene = await openScene();
    const child = await start(scene, desktop(scene, 'exit 1'));
    await untilTrue(() => events(child).some(({ type }) => type === 'browser-failed'));
    assert.match(events(child).find(({ error }) => error)?.error ?? '', /could not be started/);
    await signInAs(events(child).find(({ url }) => url)?.url ?? '');
    await child.untilEnded();
    assert.ok(events(child).some(({ type }) => type === 'signed-in'));
  },
);

onLinux('without a display no browser is started, and the sign-in waits for the shown address', async () => {
  await using scene = await openScene();
  const launched = join(scene.folder, 'launched');
  const none = { DISPLAY: '', WAYLAND_DISPLAY: '', WSL_DISTRO_NAME: '' };
  const child = await start(scene, { ...desktop(scene, `touch ${launched}`), ...none });
  await untilTrue(() => events(child).some(({ type }) => type === 'browser-failed'));
  assert.match(events(child).find(({ error }) => error)?.error ?? '', /no graphical display/);
  await signInAs(events(child).find(({ url }) => url)?.url ?? '');
  await child.untilEnded();
  assert.ok(events(child).some(({ type }) => type === 'signed-in'));
  assert.not(existsSync(launched));
});

test.run();
