// The builtin is fetched, not imported: an `import` of `node:fs` alone costs 3 ms, a tenth of what Node takes to start.
const { isAbsolute, join } = process.getBuiltinModule('node:path');

type Folder = string | undefined;

/** Where the database is by default: the XDG data folder, or what the platform has instead. Undefined without a home. */
export function dataFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): Folder {
  // The XDG specification: a path that is not absolute is to be ignored.
  const xdg = env.XDG_DATA_HOME;
  if (xdg && isAbsolute(xdg)) return join(xdg, 'onedrive-token');
  if (platform === 'win32') return under(env.LOCALAPPDATA, 'onedrive-token');
  if (platform === 'darwin') return under(home(env), 'Library', 'Application Support', 'onedrive-token');
  return under(home(env), '.local', 'share', 'onedrive-token');
}

function under(folder: Folder, ...path: string[]): Folder {
  return folder && join(folder, ...path);
}

function home(env: NodeJS.ProcessEnv): Folder {
  if (env.HOME) return env.HOME;
  try {
    return process.getBuiltinModule('node:os').homedir();
  } catch {
    // A container's user id without an account has none.
    return undefined;
  }
}
