import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { browserCommands, hasBrowser, openWithBrowserCommand } from '../src/session/browser.ts';

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

test('the words of BROWSER are split like in a shell, and a colon begins the next command', () => {
  assert.equal(browserCommands(''), []);
  if (process.platform === 'win32') return;
  assert.equal(browserCommands(`a 'b c' "d:e"f: :g`), [['a', 'b c', 'd:ef'], ['g']]);
});

for (const [browser, says] of [
  ['false', /^false ended with status 1$/],
  [`sh -c 'kill -KILL $$'`, /^sh ended with SIGKILL$/],
  ['no-such-browser', /ENOENT/],
  [' ', /BROWSER names no command/],
  ['false:true', undefined],
  // In a group of its own, Ctrl-C on the terminal of the command does not end it.
  [`sh -c 'test $(ps -o pgid= -p $$) = $$'`, undefined],
  [`sh -c 'test "$1" = "x y=https://id.example/?a=$&"' sh "x y=%s"`, undefined],
] as const) {
  test(`BROWSER=${browser} ${says ? 'opens nothing, and why is said' : 'opens the address'}`, async () => {
    if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
    const error = await openWithBrowserCommand(browser, 'https://id.example/?a=$&').catch((thrown: Error) => thrown);
    if (says) assert.match(error?.message ?? '', says);
    else assert.is(error, undefined);
  });
}

test.run();
