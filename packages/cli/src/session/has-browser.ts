import isInSsh from 'is-in-ssh';
import isWsl from 'is-wsl';

const thisProcess = { env: process.env, platform: process.platform, isInSsh, isWsl };

/** Whether a browser can be opened here, in front of the person. Tests pass the clues of other places. */
export function hasBrowser(clues: Partial<typeof thisProcess> = {}): boolean {
  const { env, platform, ...found } = { ...thisProcess, ...clues };
  if (env.BROWSER) return true;
  // Over SSH, macOS and Windows would open the browser on the screen of the remote computer.
  if (platform === 'win32' || platform === 'darwin') return !found.isInSsh;
  // In WSL a browser of Windows opens. It reaches a listener on the loopback address of WSL.
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY) || (found.isWsl && !found.isInSsh);
}
