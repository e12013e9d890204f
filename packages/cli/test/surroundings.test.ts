import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Clues, readSurroundings } from '../src/session/surroundings.ts';

function at(platform: NodeJS.Platform, env: NodeJS.ProcessEnv = {}, more: Partial<Clues> = {}): unknown {
  const { place, hasBrowser } = readSurroundings({ env, platform, exists: () => false, kernel: () => '', ...more });
  return `${place}, ${hasBrowser ? 'browser' : 'none'}`;
}

const ssh = { SSH_CONNECTION: '10.0.0.2 50000 10.0.0.1 22' };
const display = { DISPLAY: ':0' };
const docker = { exists: (file: string) => file === '/.dockerenv' };
const podman = { exists: (file: string) => file === '/run/.containerenv' };
const wslKernel = { kernel: () => 'Linux version 6.6.87.2-microsoft-standard-WSL2' };

for (const [what, found, expected] of [
  ['Linux with X', at('linux', display), 'desktop, browser'],
  ['Linux with Wayland', at('linux', { WAYLAND_DISPLAY: 'wayland-0' }), 'desktop, browser'],
  ['Linux without a display', at('linux'), 'headless, none'],
  ['Linux by SSH', at('linux', ssh), 'ssh, none'],
  ['Linux by SSH with a terminal', at('linux', { SSH_TTY: '/dev/pts/3' }), 'ssh, none'],
  ['Linux by SSH with X forwarded', at('linux', { ...ssh, ...display }), 'desktop, browser'],
  ['macOS', at('darwin'), 'desktop, browser'],
  ['macOS by SSH', at('darwin', ssh), 'ssh, none'],
  ['Windows', at('win32'), 'desktop, browser'],
  ['Windows by SSH', at('win32', ssh), 'ssh, none'],
  ['Docker', at('linux', {}, docker), 'container, none'],
  ['Docker with X', at('linux', display, docker), 'container, browser'],
  ['Podman', at('linux', {}, podman), 'container, none'],
  ['systemd-nspawn', at('linux', { container: 'systemd-nspawn' }), 'container, none'],
  ['Kubernetes', at('linux', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }), 'container, none'],
  ['WSL', at('linux', { WSL_DISTRO_NAME: 'Debian' }), 'wsl, browser'],
  ['WSL by its kernel', at('linux', {}, wslKernel), 'wsl, browser'],
  ['Docker in WSL', at('linux', {}, { ...wslKernel, ...docker }), 'container, none'],
  ['SSH with BROWSER', at('linux', { ...ssh, BROWSER: 'code --openExternal' }), 'ssh, browser'],
  ['a container with BROWSER', at('linux', { BROWSER: '/helper.sh' }, docker), 'container, browser'],
  ['an empty BROWSER', at('linux', { BROWSER: '' }), 'headless, none'],
] as const) {
  test(`${what} is ${expected}`, () => {
    assert.is(found, expected);
  });
}

test.run();
