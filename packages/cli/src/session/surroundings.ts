import isInSsh from 'is-in-ssh';
import isInsideContainer from 'is-inside-container';
import isWsl from 'is-wsl';

/** Where the command runs: decides whether a browser can be opened, and what to suggest if not. */
export interface Surroundings {
  readonly place: 'desktop' | 'ssh' | 'container' | 'wsl' | 'headless';
  /** Whether a browser can be opened here, in front of the person. */
  hasBrowser: boolean;
}

const ofThisProcess = { env: process.env, platform: process.platform, isInSsh, isInsideContainer, isWsl };

/** Tests pass the clues of other places. */
export function readSurroundings(clues: Partial<typeof ofThisProcess> = {}): Surroundings {
  const { env, platform, ...found } = { ...ofThisProcess, ...clues };
  const hasDisplay = Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
  const isLocal = platform === 'win32' || platform === 'darwin';
  const placeOf = (): Surroundings['place'] => {
    if (found.isInSsh && (isLocal || !hasDisplay)) return 'ssh';
    if (isLocal) return 'desktop';
    // systemd-nspawn sets the first variable.
    if (env.container || env.KUBERNETES_SERVICE_HOST || found.isInsideContainer()) return 'container';
    // In WSL a browser of Windows opens. It reaches a listener on the loopback address of WSL.
    if (found.isWsl) return 'wsl';
    return hasDisplay ? 'desktop' : 'headless';
  };
  const place = placeOf();
  // Over SSH, macOS and Windows would open the browser on the screen of the remote computer.
  const hasScreen = isLocal ? place !== 'ssh' : hasDisplay || place === 'wsl';
  return { place, hasBrowser: Boolean(env.BROWSER) || hasScreen };
}
