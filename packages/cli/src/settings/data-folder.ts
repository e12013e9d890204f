// `getBuiltinModule`, because an `import` of `node:fs` alone takes 3 ms, a tenth of Node's own start.
const { isAbsolute, join } = process.getBuiltinModule('node:path');

type Folder = string | undefined;

/** The default folder of the database: in the XDG data folder, or the platform's own. undefined without a home folder. */
export function dataFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): Folder {
  // The XDG Base Directory Specification says to ignore a relative path.
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
    // In a container, a user id without an account has no home folder.
    return undefined;
  }
}
