import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSurroundings } from '../src/session/surroundings.ts';

type Clues = NonNullable<Parameters<typeof readSurroundings>[0]>;

function at(platform: NodeJS.Platform, env: NodeJS.ProcessEnv = {}, more: Clues = {}): unknown {
  const nowhere = { isInSsh: false, isInsideContainer: () => false, isWsl: false };
  const { place, hasBrowser } = readSurroundings({ env, platform, ...nowhere, ...more });
  return `${place}, ${hasBrowser ? 'browser' : 'none'}`;
}

const ssh = { isInSsh: true };
const display = { DISPLAY: ':0' };
const container = { isInsideContainer: () => true };

for (const [what, found, expected] of [
  ['Linux with X', at('linux', display), 'desktop, browser'],
  ['Linux with Wayland', at('linux', { WAYLAND_DISPLAY: 'wayland-0' }), 'desktop, browser'],
  ['Linux without a display', at('linux'), 'headless, none'],
  ['Linux by SSH', at('linux', {}, ssh), 'ssh, none'],
  ['Linux by SSH with X forwarded', at('linux', display, ssh), 'desktop, browser'],
  ['macOS', at('darwin'), 'desktop, browser'],
  ['macOS by SSH', at('darwin', {}, ssh), 'ssh, none'],
  ['Windows', at('win32'), 'desktop, browser'],
  ['Windows by SSH', at('win32', {}, ssh), 'ssh, none'],
  ['a container', at('linux', {}, container), 'container, none'],
  ['a container with X', at('linux', display, container), 'container, browser'],
  ['systemd-nspawn', at('linux', { container: 'systemd-nspawn' }), 'container, none'],
  ['Kubernetes', at('linux', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }), 'container, none'],
  ['WSL', at('linux', {}, { isWsl: true }), 'wsl, browser'],
  ['SSH with BROWSER', at('linux', { BROWSER: 'code --openExternal' }, ssh), 'ssh, browser'],
  ['a container with BROWSER', at('linux', { BROWSER: '/helper.sh' }, container), 'container, browser'],
  ['an empty BROWSER', at('linux', { BROWSER: '' }), 'headless, none'],
] as const) {
  test(`${what} is ${expected}`, () => {
    assert.is(found, expected);
  });
}

test.run();
