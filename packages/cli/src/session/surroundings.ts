import { existsSync, readFileSync } from 'node:fs';

/** Where the command runs: decides whether a browser can be opened, and what to suggest if not. */
export interface Surroundings {
  readonly place: 'desktop' | 'ssh' | 'container' | 'wsl' | 'headless';
  /** Whether a browser can be opened here, in front of the person. */
  readonly hasBrowser: boolean;
}

/** What the surroundings are read from. Tests pass their own. */
export interface Clues {
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  exists(file: string): boolean;
  /** Content of /proc/version; '' if there is no such file. */
  kernel(): string;
}

export function readSurroundings(clues: Clues = cluesOfThisProcess): Surroundings {
  const { env, platform } = clues;
  const hasDisplay = Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
  const place = placeOf(clues, hasDisplay);
  // Over SSH, macOS and Windows would open the browser on the screen of the remote computer.
  const hasScreen = platform === 'win32' || platform === 'darwin' ? place !== 'ssh' : hasDisplay || place === 'wsl';
  return { place, hasBrowser: Boolean(env.BROWSER) || hasScreen };
}

function placeOf({ env, platform, exists, kernel }: Clues, hasDisplay: boolean): Surroundings['place'] {
  const isLocal = platform === 'win32' || platform === 'darwin';
  if ((env.SSH_CONNECTION || env.SSH_TTY) && (isLocal || !hasDisplay)) return 'ssh';
  if (isLocal) return 'desktop';
  if (exists('/.dockerenv') || exists('/run/.containerenv') || env.container || env.KUBERNETES_SERVICE_HOST)
    return 'container';
  // In WSL a browser of Windows opens. It reaches a listener on the loopback address of WSL.
  if (env.WSL_DISTRO_NAME || /microsoft/i.test(kernel())) return 'wsl';
  return hasDisplay ? 'desktop' : 'headless';
}

const cluesOfThisProcess: Clues = {
  env: process.env,
  platform: process.platform,
  exists: existsSync,
  kernel: () => {
    try {
      return readFileSync('/proc/version', 'utf8');
    } catch {
      return '';
    }
  },
};
