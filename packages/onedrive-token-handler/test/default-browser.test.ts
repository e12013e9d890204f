import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signInAs } from 'testing-authority';
import type { Started } from 'testing-authority/node-process';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { desktop, events, onLinux, start } from './desktop.ts';
import { openScene } from './scene.ts';

/** An event tells why no browser has started, and the sign-in waits for the shown address. */
async function assertWaits(child: Started, why: RegExp): Promise<void> {
  await until(() => events(child).some(({ type }) => type === 'browser-failed'));
  assert.match(events(child).find(({ error }) => error)?.error ?? '', why);
  await signInAs(events(child).find(({ url }) => url)?.url ?? '');
  await child.untilEnded();
  assert.ok(events(child).some(({ type }) => type === 'signed-in'));
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
    await until(() => existsSync(seen));
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
    const types = events(child).map(({ type }) => type);
    assert.ok(types.includes('signed-in') && !types.includes('browser-failed'), types.join(' '));
  },
);

onLinux(
  "if the desktop's browser does not start, an event says so, and the sign-in waits for the shown address",
  async () => {
    await using scene = await openScene();
    const child = await start(scene, desktop(scene, 'exit 1'));
    await assertWaits(child, /could not be started \(.*status \d+\)$/);
  },
);

onLinux(
  'on Windows too, where the launcher has ended before it is known (a PowerShell that fails, imitated)',
  async () => {
    await using scene = await openScene();
    const env = desktop(scene, 'exit 0');
    const powerShell = String.raw`C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe`;
    writeFileSync(join(scene.folder, 'programs', powerShell), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const pretend = `const { log } = console; console.log = (line) => {
    const value = line.includes('authorization-url') ? 'win32' : 'linux';
    Object.defineProperty(process, 'platform', { value, configurable: true });
    log(line);
  };`;
    const onWindows = `--import=data:text/javascript,${encodeURIComponent(pretend)}`;
    const child = await start(scene, { ...env, NODE_OPTIONS: onWindows, SYSTEMROOT: '', windir: '' });
    await assertWaits(child, /could not be started/);
  },
);

onLinux('in an Electron app without xdg-open, too', async () => {
  await using scene = await openScene();
  const electron = '--import=data:text/javascript,process.versions.electron=1';
  const child = await start(scene, { ...desktop(scene, 'exit 0'), PATH: scene.folder, NODE_OPTIONS: electron });
  await assertWaits(child, /xdg-open ENOENT/);
});

onLinux('without a display no browser is started, and the sign-in waits for the shown address', async () => {
  await using scene = await openScene();
  const launched = join(scene.folder, 'launched');
  const none = { DISPLAY: '', WAYLAND_DISPLAY: '', WSL_DISTRO_NAME: '' };
  const child = await start(scene, { ...desktop(scene, `touch ${launched}`), ...none });
  await assertWaits(child, /no graphical display here to open a browser on$/);
  assert.not(existsSync(launched));
});

test.run();
