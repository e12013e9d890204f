/** Variables that a measured program needs. All others stay away from it: proxies, certificates, and settings of Node, npm and pnpm cost time. */
const needed = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'XDG_RUNTIME_DIR',
];

/** The environment of every measured program: the same on each machine, with `extra`. */
export function measuredEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => needed.includes(name));
  return { ...Object.fromEntries(kept), ...extra };
}
