// Takes about 2 s.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { signInAs } from 'testing-authority';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { desktop, events, onLinux, start } from '../test/desktop.ts';
import { openScene } from '../test/scene.ts';

onLinux(
  "if the desktop's browser does not start, an event says so, and the sign-in waits for the shown address",
  async () => {
    await using scene = await openScene();
    const child = await start(scene, desktop(scene, 'exit 1'));
    await until(() => events(child).some(({ type }) => type === 'browser-failed'));
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
  await until(() => events(child).some(({ type }) => type === 'browser-failed'));
  assert.match(events(child).find(({ error }) => error)?.error ?? '', /no graphical display/);
  await signInAs(events(child).find(({ url }) => url)?.url ?? '');
  await child.untilEnded();
  assert.ok(events(child).some(({ type }) => type === 'signed-in'));
  assert.not(existsSync(launched));
});

test.run();
