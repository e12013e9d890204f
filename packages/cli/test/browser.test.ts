import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasBrowser } from '../src/session/browser.ts';

function at(platform: NodeJS.Platform, env: NodeJS.ProcessEnv = {}, more: Parameters<typeof hasBrowser>[0] = {}) {
  return hasBrowser({ env, platform, isInSsh: false, isWsl: false, ...more });
}

const ssh = { isInSsh: true };
const display = { DISPLAY: ':0' };

for (const [what, found, expected] of [
  ['Linux with X', at('linux', display), true],
  ['Linux with Wayland', at('linux', { WAYLAND_DISPLAY: 'wayland-0' }), true],
  ['Linux without a display', at('linux'), false],
  ['Linux by SSH', at('linux', {}, ssh), false],
  ['Linux by SSH with X forwarded', at('linux', display, ssh), true],
  ['macOS', at('darwin'), true],
  ['macOS by SSH', at('darwin', {}, ssh), false],
  ['Windows', at('win32'), true],
  ['Windows by SSH', at('win32', {}, ssh), false],
  ['WSL', at('linux', {}, { isWsl: true }), true],
  ['WSL by SSH', at('linux', {}, { isWsl: true, ...ssh }), false],
  ['SSH with BROWSER', at('linux', { BROWSER: 'code --openExternal' }, ssh), true],
  ['an empty BROWSER', at('linux', { BROWSER: '' }), false],
] as const) {
  test(`${what}: ${expected ? 'a browser' : 'no browser'}`, () => {
    assert.is(found, expected);
  });
}

test.run();
